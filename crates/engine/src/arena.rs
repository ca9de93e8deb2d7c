//! The memory plan: an offset of one arena for every intermediate.

use jingwei_kernels::Place;

use crate::program::{Location, Program, ValueId};
use crate::workspace::Buffer;

/// Floats to a cache line.
const ALIGNMENT: usize = 16;
/// Floats that stay in the second-level cache.
const CACHED: usize = 1 << 18;

/// Gives every value its place, and returns the places with the floats that the arena needs; `None` if these are more
/// than a `usize` counts.
///
/// Values whose lifetimes do not touch share memory: the largest are placed first, each at the lowest offset that is
/// free during its whole life (greedy by size, Pisarchyk & Lee 2020). `inputs` are alive all the time, so that a run can
/// be repeated without filling them again, `outputs` to the end.
///
/// Where all of it stays in the cache even so, only values of one length share memory: layers alike then use the same
/// memory for the same things, and each core writes to lines that it wrote before, not another.
pub(crate) fn plan(
    program: &Program,
    inputs: &[ValueId],
    outputs: &[ValueId],
) -> Option<(Vec<Place>, usize)> {
    let lives = lifetimes(program, inputs, outputs);
    let tight = place(program, &lives, |_, _| true)?;
    if tight.1 > CACHED {
        return Some(tight);
    }
    let loose = place(program, &lives, |a, b| a == b)?;
    Some(if loose.1 > CACHED { tight } else { loose })
}

/// Places values; `shares` says whether values of two lengths may share memory.
fn place(
    program: &Program,
    lives: &[Life],
    shares: impl Fn(usize, usize) -> bool,
) -> Option<(Vec<Place>, usize)> {
    let mut order: Vec<ValueId> = (0..program.values.len())
        .filter(|&id| program.values[id].location == Location::Arena && lives[id].is_some())
        .collect();
    order.sort_by_key(|&id| std::cmp::Reverse(program.values[id].len));
    let mut placed: Vec<(usize, usize, ValueId)> = Vec::new();
    let mut places = vec![Place::default(); program.values.len()];
    let mut total = 0;
    for id in order {
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
        places[id] = Place {
            buffer: Buffer::Arena as usize,
            offset,
            len: program.values[id].len,
        };
        total = total.max(end);
    }
    for (place, value) in places.iter_mut().zip(&program.values) {
        let (buffer, offset) = match value.location {
            Location::Arena => continue,
            Location::Fixed(buffer, offset) => (buffer as usize, offset),
            Location::Prepared(index) => (Buffer::COUNT + index, 0),
        };
        *place = Place {
            buffer,
            offset,
            len: value.len,
        };
    }
    Some((places, total))
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
