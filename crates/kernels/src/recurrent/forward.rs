//! Walking samples forward through all steps.

use super::{
    Recurrent, STATES,
    cell::{Cell, Gru, Lstm, RecurrentCell, Simple, State},
    crew::{Crew, MOST_PARTS},
    optional,
};
use crate::{
    Workers,
    gemm::tile::{Factors, multiply},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};
use std::ops::Range;

/// Most rows in a tile.
const MOST_TILE_ROWS: usize = 12;

/// Floats of the kernel from which on a part of the units is worth a thread.
const WORTH_SHARING: usize = 24 * 1024;

/// What a piece reads and writes; optional parts are null.
struct Call<'a> {
    plan: &'a Recurrent,
    x: *const f32,
    packed: *const f32,
    bias: *const f32,
    mask: *const f32,
    factors: *const f32,
    y: *mut f32,
    /// The states before each step, then what the cell keeps.
    reserve: *mut f32,
}

// SAFETY: the pointers come from slices that outlive the run; pieces write to the places of their own samples.
unsafe impl Sync for Call<'_> {}

impl Recurrent {
    /// Computes the states `y` from the pre-activations `x`, the recurrent `kernel`, its `bias` (empty where the cell
    /// has none) and the `mask` of `[batch, time]` (empty where there is none), at whose zeros the state stays as it
    /// is, and the `factors` of `[batch, units]` (empty where there are none) by which the state is multiplied as it
    /// enters each step. A `reserve` that is not empty is filled for the backward pass.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn forward(
        &self,
        workers: &Workers,
        [x, kernel, bias, mask, factors]: [&[f32]; 5],
        y: &mut [f32],
        reserve: &mut [f32],
        shared: &mut [f32],
    ) {
        let lengths = [x, kernel, bias, mask, factors, y, shared].map(<[f32]>::len);
        self.check(workers, lengths);
        assert!(
            reserve.is_empty() || reserve.len() == self.reserve(),
            "reserve of {self:?}"
        );
        if self.states() == 0 {
            return y.fill(0.0);
        }
        let (packed, state) = shared.split_at_mut(self.packed());
        self.pack_forward(workers, kernel, packed);
        let call = Call {
            plan: self,
            x: x.as_ptr(),
            packed: packed.as_ptr(),
            bias: optional(bias),
            mask: optional(mask),
            factors: optional(factors),
            y: Parts::new(y).pointer(),
            reserve: if reserve.is_empty() {
                std::ptr::null_mut()
            } else {
                reserve.as_mut_ptr()
            },
        };
        if self.parts() > 1 {
            return self.walk_together(workers, &call, state);
        }
        workers.run(self.pieces(), &|piece, scratch| {
            let call = &call;
            let first = piece * self.rows();
            let rows = self.rows().min(self.batch - first);
            let scratch = &mut scratch[..STATES * rows * self.width()];
            scratch.fill(0.0);
            let states = States::new(scratch);
            let all = 0..self.units;
            walk(self.level, call, (first, rows), states, 0..self.time, all);
        });
    }

    /// Parts of the units that several threads share, where there is but one sample.
    pub(super) fn parts(&self) -> usize {
        let kernel = self.cell.gates() * self.units * self.units;
        match self.batch {
            1 => (kernel / WORTH_SHARING).clamp(1, MOST_PARTS),
            _ => 1,
        }
    }

    fn walk_together(&self, workers: &Workers, call: &Call, state: &mut [f32]) {
        let state = &mut state[..STATES * self.width()];
        state.fill(0.0);
        let states = States::new(state);
        let part = self.units.div_ceil(self.parts());
        let part = part.next_multiple_of(self.level.lanes());
        let parts = self.units.div_ceil(part);
        let crew = Crew::new(parts, self.time);
        workers.run(parts, &|piece, _| {
            let (call, states) = (&call, &states);
            crew.work(piece, |step, index| {
                let units = index * part..((index + 1) * part).min(self.units);
                walk(self.level, call, (0, 1), *states, step..step + 1, units);
            });
        });
    }
}

/// The states of some samples, as they enter a step of even number and of odd number, and as they are.
#[derive(Clone, Copy)]
struct States {
    entering: [*mut f32; 2],
    h: *mut f32,
    c: *mut f32,
}

// SAFETY: they lie in memory that outlives the run; within a step each vector of units is written by one thread alone,
// and read by others in the next step.
unsafe impl Sync for States {}

impl States {
    fn new(memory: &mut [f32]) -> Self {
        let (start, len) = (memory.as_mut_ptr(), memory.len() / STATES);
        let part = |index: usize| start.wrapping_add(index * len);
        Self {
            entering: [part(0), part(1)],
            h: part(2),
            c: part(3),
        }
    }
}

dispatch! {
    /// Some steps of some units of rows `(first, count)`.
    fn walk(call: &Call, rows: (usize, usize), states: States, steps: Range<usize>, units: Range<usize>) => walk_generic
}

#[inline(always)]
fn walk_generic<V: Simd>(
    call: &Call,
    rows: (usize, usize),
    states: States,
    steps: Range<usize>,
    units: Range<usize>,
) {
    // SAFETY: `Recurrent::check` has measured all slices of `forward`, and those of states are cut to the rows of a piece; no
    // other piece has these units of these samples now.
    unsafe {
        match call.plan.cell {
            RecurrentCell::Simple { activation } => {
                walk_cell::<V, _, 1, 1>(call, Simple(activation), rows, states, steps, units);
            }
            RecurrentCell::Lstm {
                activation,
                recurrent,
            } => {
                let cell = Lstm {
                    activation,
                    recurrent,
                };
                walk_cell::<V, _, 4, 5>(call, cell, rows, states, steps, units);
            }
            RecurrentCell::Gru {
                activation,
                recurrent,
            } => {
                let cell = Gru {
                    activation,
                    recurrent,
                };
                walk_cell::<V, _, 3, 4>(call, cell, rows, states, steps, units);
            }
        }
    }
}

/// # Safety
/// The pointers of `call` are readable and writable as its plan says, `states` for `rows`, and nobody else has these units
/// of these samples.
#[inline(always)]
unsafe fn walk_cell<V: Simd, C: Cell<V, G, K>, const G: usize, const K: usize>(
    call: &Call,
    cell: C,
    (first, rows): (usize, usize),
    states: States,
    steps: Range<usize>,
    own: Range<usize>,
) {
    let Recurrent { time, units, .. } = *call.plan;
    let width = call.plan.width();
    let groups = own.len().div_ceil(V::LANES);
    for step in steps {
        let place = if call.plan.reverse {
            time - 1 - step
        } else {
            step
        };
        let (entering, next) = (states.entering[step % 2], states.entering[1 - step % 2]);
        for group in 0..groups {
            // To and fro, so that a step begins with what the last one left in the first-level cache.
            let group = if step % 2 == 0 {
                group
            } else {
                groups - 1 - group
            };
            let unit = own.start + group * V::LANES;
            let mut row = 0;
            while row < rows {
                // SAFETY: as the caller vouches: states are `rows` by `width`, and the packed kernel has a group for each vector of
                // units.
                unsafe {
                    let factors = Factors {
                        a: entering.add(row * width),
                        a_stride: width,
                        b: call.packed.add(unit * units * G),
                        b_stride: G * V::LANES,
                        // The first state is zero.
                        depth: if step > 0 { units } else { 0 },
                    };
                    let (sums, count) = tile::<V, G>(factors, rows - row);
                    for (index, &sums) in sums.iter().enumerate().take(count) {
                        let at = (row + index) * width + unit;
                        let mut state = [entering, next, states.h, states.c];
                        for part in &mut state {
                            *part = part.add(at);
                        }
                        let sample = first + row + index;
                        step_unit(call, cell, (sample, step, place, unit), sums, state);
                    }
                    row += count;
                }
            }
        }
    }
}

/// Finishes a step of one vector of units of a sample. `state` points to `h` as it enters this step and the next, and to
/// `h` and `c` as they are.
///
/// # Safety
/// As for `walk_cell`.
#[inline(always)]
unsafe fn step_unit<V: Simd, C: Cell<V, G, K>, const G: usize, const K: usize>(
    call: &Call,
    cell: C,
    (sample, step, place, unit): (usize, usize, usize, usize),
    mut sums: [V; G],
    [entering, next, h, c]: [*mut f32; 4],
) {
    let Recurrent {
        batch,
        time,
        units,
        sequence,
        ..
    } = *call.plan;
    let at = sample * time + place;
    let count = (units - unit).min(V::LANES);
    // SAFETY: as the caller vouches.
    unsafe {
        let before = State {
            h: V::load(entering),
            c: V::load(c),
        };
        if !call.reserve.is_null() {
            store(before.h, call.reserve.add(at * units + unit), count);
        }
        let after = if !call.mask.is_null() && *call.mask.add(at) == 0.0 {
            State {
                h: V::load(h),
                ..before
            }
        } else {
            let mut x = [V::zero(); G];
            for gate in 0..G {
                x[gate] = load(call.x.add((at * G + gate) * units + unit), count);
                if !call.bias.is_null() {
                    sums[gate] = sums[gate] + load(call.bias.add(gate * units + unit), count);
                }
            }
            let (after, kept) = cell.forward(x, sums, before);
            if !call.reserve.is_null() {
                let reserve = call.reserve.add(batch * time * units);
                for (index, kept) in kept.into_iter().enumerate() {
                    store(kept, reserve.add((at * K + index) * units + unit), count);
                }
            }
            after
        };
        after.h.store(h);
        after.c.store(c);
        if call.factors.is_null() {
            after.h.store(next);
        } else {
            let factor: V = load(call.factors.add(sample * units + unit), count);
            (after.h * factor).store(next);
        }
        if sequence {
            store(after.h, call.y.add(at * units + unit), count);
        } else if step + 1 == time {
            store(after.h, call.y.add(sample * units + unit), count);
        }
    }
}

/// The sums of up to `left` rows, and how many they are.
///
/// # Safety
/// As for `multiply`.
#[inline(always)]
unsafe fn tile<V: Simd, const G: usize>(
    factors: Factors,
    left: usize,
) -> ([[V; G]; MOST_TILE_ROWS], usize) {
    let mut sums = [[V::zero(); G]; MOST_TILE_ROWS];
    macro_rules! tile {
        ($rows:literal) => {{
            // SAFETY: as the caller vouches.
            let tile = unsafe { multiply::<V, $rows, G, false>(factors, [[V::zero(); G]; $rows]) };
            let mut row = 0;
            while row < $rows {
                sums[row] = tile[row];
                row += 1;
            }
            (sums, $rows)
        }};
    }
    let most = most_rows::<V>(G);
    match left {
        12.. if most >= 12 => tile!(12),
        8.. if most >= 8 => tile!(8),
        6.. if most == 6 => tile!(6),
        4.. if most >= 4 => tile!(4),
        2.. => tile!(2),
        _ => tile!(1),
    }
}

/// Rows of a tile whose sums of `gates` vectors stay in registers.
#[inline(always)]
const fn most_rows<V: Simd>(gates: usize) -> usize {
    match (V::TILE_ROWS >= 12, gates) {
        (true, 1) => 12,
        (true, 3) => 8,
        (true, _) => 6,
        (false, 1) => 8,
        (false, 3) => 4,
        (false, _) => 2,
    }
}

/// # Safety
/// `source` is readable for `count <= V::LANES` floats.
#[inline(always)]
pub(super) unsafe fn load<V: Simd>(source: *const f32, count: usize) -> V {
    // SAFETY: as the caller vouches.
    unsafe {
        if count == V::LANES {
            V::load(source)
        } else {
            V::load_partial(source, count)
        }
    }
}

/// # Safety
/// `target` is writable for `count <= V::LANES` floats.
#[inline(always)]
pub(super) unsafe fn store<V: Simd>(value: V, target: *mut f32, count: usize) {
    // SAFETY: as the caller vouches.
    unsafe {
        if count == V::LANES {
            value.store(target)
        } else {
            value.store_partial(target, count)
        }
    }
}
