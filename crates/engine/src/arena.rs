//! The memory plan: an offset of one arena for every intermediate.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jingwei_kernels::Place;

use crate::program::{Location, Program, Value, ValueId};
use crate::workspace::Buffer;

/// Floats to a cache line.
const ALIGNMENT: usize = 16;
/// Floats that stay in the second-level cache.
const CACHED: usize = 1 << 18;
/// Values up to which the greedy plan is made: its time grows with the square of their number.
const FEW: usize = 4096;

/// Gives every value its place, and returns the places with the floats that the arena needs; `None` if these are more
/// than a `usize` counts.
///
/// Values whose lifetimes do not touch share memory: the largest are placed first, each at the lowest offset that is
/// free during its whole life (greedy by size, Pisarchyk & Lee 2020). `inputs` are alive all the time, so that a run can
/// be repeated without filling them again, `outputs` to the end.
///
/// Where all of it stays in the cache even so, only values of one length share memory: layers alike then use the same
/// memory for the same things, and each core writes to lines that it wrote before, not another.
///
/// More values than any usual network has are placed [in order](place_in_order), which takes time in proportion to them.
pub(crate) fn plan(
    program: &Program,
    inputs: &[ValueId],
    outputs: &[ValueId],
) -> Option<(Vec<Place>, usize)> {
    let lives = lifetimes(program, inputs, outputs);
    let is_placed =
        |id: &usize| program.values[*id].location == Location::Arena && lives[*id].is_some();
    let mut order: Vec<ValueId> = (0..program.values.len()).filter(is_placed).collect();
    if order.len() > FEW {
        return place_in_order(program, &lives, order);
    }
    order.sort_by_key(|&id| Reverse(program.values[id].len));
    let tight = place(program, &lives, &order, |_, _| true)?;
    if tight.1 > CACHED {
        return Some(tight);
    }
    let loose = place(program, &lives, &order, |a, b| a == b)?;
    Some(if loose.1 > CACHED { tight } else { loose })
}

/// Places values in an order; `shares` says whether values of two lengths may share memory.
fn place(
    program: &Program,
    lives: &[Life],
    order: &[ValueId],
    shares: impl Fn(usize, usize) -> bool,
) -> Option<(Vec<Place>, usize)> {
    let mut placed: Vec<(usize, usize, ValueId)> = Vec::new();
    let mut places = fixed_places(program);
    let mut total = 0;
    for &id in order {
        let len = program.values[id].len.checked_next_multiple_of(ALIGNMENT)?;
        let mut offset = 0usize;
        for &(start, end, other) in &placed {
            let shared = shares(program.values[id].len, program.values[other].len)
                && !touch(lives[id], lives[other]);
            let apart = start >= offset.checked_add(len)? || end <= offset || shared;
            if !apart {
                offset = end;
            }
        }
        let end = offset.checked_add(len)?;
        let position = placed.partition_point(|&(start, ..)| start < offset);
        placed.insert(position, (offset, end, id));
        places[id] = in_arena(program, id, offset);
        total = total.max(end);
    }
    Some((places, total))
}

/// Places values in the order in which they come alive, each in the smallest gap that holds it.
fn place_in_order(
    program: &Program,
    lives: &[Life],
    order: Vec<ValueId>,
) -> Option<(Vec<Place>, usize)> {
    let starts = |id: &ValueId| lives[*id].map(|(start, _)| start);
    let ends = |id: &ValueId| lives[*id].map(|(_, end)| end);
    let (mut by_start, mut by_end) = (order.clone(), order);
    by_start.sort_by_key(starts);
    by_end.sort_by_key(ends);
    let len = |id: ValueId| program.values[id].len.checked_next_multiple_of(ALIGNMENT);
    let mut places = fixed_places(program);
    let mut gaps = Gaps::default();
    let mut over = by_end.into_iter().peekable();
    for id in by_start {
        while let Some(dead) = over.next_if(|dead| ends(dead) < starts(&id)) {
            gaps.give_back(places[dead].offset, len(dead)?);
        }
        places[id] = in_arena(program, id, gaps.take(len(id)?)?);
    }
    Some((places, gaps.end))
}

/// The free parts of the arena before its end.
#[derive(Default)]
struct Gaps {
    /// Lengths by offset; no two gaps touch.
    by_offset: BTreeMap<usize, usize>,
    by_len: BTreeSet<(usize, usize)>,
    end: usize,
}

impl Gaps {
    /// The offset of `len` floats; `None` if the arena would be longer than a `usize` counts.
    fn take(&mut self, len: usize) -> Option<usize> {
        if let Some(&(found, offset)) = self.by_len.range((len, 0)..).next() {
            self.remove(offset, found);
            if found > len {
                self.insert(offset + len, found - len);
            }
            return Some(offset);
        }
        // A gap at the end grows.
        let last = self.by_offset.last_key_value();
        let last = last.map(|(&offset, &len)| (offset, len));
        let offset = match last.filter(|(offset, len)| offset + len == self.end) {
            Some((offset, len)) => {
                self.remove(offset, len);
                offset
            }
            None => self.end,
        };
        self.end = offset.checked_add(len)?;
        Some(offset)
    }

    fn give_back(&mut self, mut offset: usize, mut len: usize) {
        if let Some((&before, &own)) = self.by_offset.range(..offset).next_back()
            && before + own == offset
        {
            self.remove(before, own);
            (offset, len) = (before, own + len);
        }
        if let Some(&after) = self.by_offset.get(&(offset + len)) {
            self.remove(offset + len, after);
            len += after;
        }
        self.insert(offset, len);
    }

    fn insert(&mut self, offset: usize, len: usize) {
        if len > 0 {
            self.by_offset.insert(offset, len);
            self.by_len.insert((len, offset));
        }
    }

    fn remove(&mut self, offset: usize, len: usize) {
        self.by_offset.remove(&offset);
        self.by_len.remove(&(len, offset));
    }
}

fn in_arena(program: &Program, id: ValueId, offset: usize) -> Place {
    Place {
        buffer: Buffer::Arena as usize,
        offset,
        len: program.values[id].len,
    }
}

/// The places of values that are not in the arena.
fn fixed_places(program: &Program) -> Vec<Place> {
    let place = |value: &Value| {
        let (buffer, offset) = match value.location {
            Location::Arena => return Place::default(),
            Location::Fixed(buffer, offset) => (buffer as usize, offset),
            Location::Prepared(index) => (Buffer::COUNT + index, 0),
        };
        Place {
            buffer,
            offset,
            len: value.len,
        }
    };
    program.values.iter().map(place).collect()
}

type Life = Option<(usize, usize)>;

fn lifetimes(program: &Program, inputs: &[ValueId], outputs: &[ValueId]) -> Vec<Life> {
    let mut lives: Vec<Life> = vec![None; program.values.len()];
    for &input in inputs {
        lives[input] = Some((0, usize::MAX));
    }
    for (time, instruction) in program.instructions.iter().enumerate() {
        for &id in instruction.reads.iter().chain(&instruction.writes) {
            let (start, end) = lives[id].unwrap_or((time, time));
            lives[id] = Some((start, end.max(time)));
        }
    }
    for &output in outputs {
        if let Some((start, _)) = lives[output] {
            lives[output] = Some((start, usize::MAX));
        }
    }
    lives
}

fn touch(a: Life, b: Life) -> bool {
    matches!((a, b), (Some((a_start, a_end)), Some((b_start, b_end))) if a_start <= b_end && b_start <= a_end)
}
