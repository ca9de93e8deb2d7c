//! Walking samples backward through all steps.

use super::{
    Recurrent,
    cell::{Cell, Gru, Lstm, RecurrentCell, Simple, State},
    forward::{load, store},
    optional,
};
use crate::{
    Workers,
    gemm::tile::{Factors, Finish, multiply, store as store_tile},
    level::dispatch,
    simd::Simd,
};

/// What a piece reads and writes; optional parts are null.
struct Call<'a> {
    plan: &'a Recurrent,
    packed: *const f32,
    mask: *const f32,
    factors: *const f32,
    reserve: *const f32,
    dy: *const f32,
    dx: *mut f32,
    /// The gradient of the pre-activations from the state: `dx` itself unless the cell has two.
    ds: *mut f32,
}

// SAFETY: the pointers come from slices that outlive the run; pieces write to the places of their own samples.
unsafe impl Sync for Call<'_> {}

impl Recurrent {
    /// Floats of the gradient `ds` that [`Self::backward`] writes.
    pub fn state_gradients(&self) -> usize {
        if self.cell.has_bias() {
            self.gates()
        } else {
            0
        }
    }

    /// Computes the gradient `dx` of the pre-activations from the inputs and, where it is another, `ds` of those from
    /// the state (empty where it is not). With the states before each step, which stand first in the `reserve`, the
    /// gradient of the recurrent kernel is the matrix product `statesᵀ · ds`.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn backward(
        &self,
        workers: &Workers,
        [reserve, kernel, mask, factors, dy]: [&[f32]; 5],
        dx: &mut [f32],
        ds: &mut [f32],
        shared: &mut [f32],
    ) {
        self.check_sizes();
        let bias = if self.cell.has_bias() {
            self.cell.gates() * self.units
        } else {
            0
        };
        let mut lengths = [dx, kernel, &[], mask, factors, dy, shared].map(<[f32]>::len);
        lengths[2] = bias;
        self.check(workers, lengths);
        assert_eq!(reserve.len(), self.reserve(), "reserve of {self:?}");
        assert_eq!(ds.len(), self.state_gradients(), "gradient of {self:?}");
        if self.states() == 0 {
            return;
        }
        self.pack_backward(workers, kernel, shared);
        let dx = dx.as_mut_ptr();
        let call = Call {
            plan: self,
            packed: shared.as_ptr(),
            mask: optional(mask),
            factors: optional(factors),
            reserve: reserve.as_ptr(),
            dy: dy.as_ptr(),
            ds: if ds.is_empty() { dx } else { ds.as_mut_ptr() },
            dx,
        };
        workers.run(self.pieces(), &|piece, scratch| {
            let call = &call;
            let first = piece * self.rows();
            let rows = self.rows().min(self.batch - first);
            walk(self.level, call, (first, rows), scratch);
        });
    }
}

dispatch! {
    fn walk(call: &Call, rows: (usize, usize), scratch: &mut [f32]) => walk_generic
}

#[inline(always)]
fn walk_generic<V: Simd>(call: &Call, rows: (usize, usize), scratch: &mut [f32]) {
    // SAFETY: `Recurrent::check` and `backward` have measured all slices; the rows are samples of the batch that no other
    // piece has.
    unsafe {
        match call.plan.cell {
            RecurrentCell::Simple { activation } => {
                walk_cell::<V, _, 1, 1>(call, Simple(activation), rows, scratch);
            }
            RecurrentCell::Lstm {
                activation,
                recurrent,
            } => {
                let cell = Lstm {
                    activation,
                    recurrent,
                };
                walk_cell::<V, _, 4, 5>(call, cell, rows, scratch);
            }
            RecurrentCell::Gru {
                activation,
                recurrent,
            } => {
                let cell = Gru {
                    activation,
                    recurrent,
                };
                walk_cell::<V, _, 3, 4>(call, cell, rows, scratch);
            }
        }
    }
}

/// # Safety
/// The pointers of `call` are readable and writable as its plan says, and nobody else has the samples of `rows`.
#[inline(always)]
unsafe fn walk_cell<V: Simd, C: Cell<V, G, K>, const G: usize, const K: usize>(
    call: &Call,
    cell: C,
    (first, rows): (usize, usize),
    scratch: &mut [f32],
) {
    let Recurrent { time, units, .. } = *call.plan;
    let width = call.plan.width();
    let scratch = &mut scratch[..2 * rows * width];
    scratch.fill(0.0);
    let (dh, dc) = scratch.split_at_mut(rows * width);
    let (dh, dc) = (dh.as_mut_ptr(), dc.as_mut_ptr());
    for step in (0..time).rev() {
        let place = if call.plan.reverse {
            time - 1 - step
        } else {
            step
        };
        for row in 0..rows {
            for unit in (0..units).step_by(V::LANES) {
                let own = row * width + unit;
                // SAFETY: the gradients of states were cut to `rows` by `width`; for the rest, as the caller vouches.
                unsafe {
                    let state = [dh.add(own), dc.add(own)];
                    step_unit(call, cell, (first + row, step, place, unit), state);
                }
            }
        }
        if step > 0 {
            // SAFETY: as the caller vouches for `ds`, of which these rows are written now, and for the packed kernel.
            unsafe {
                let ds = call.ds.add((first * time + place) * G * units);
                let stride = time * G * units;
                add_product::<V>(
                    call.packed,
                    units,
                    G * units,
                    (ds, stride),
                    (dh, width),
                    rows,
                );
                if !call.factors.is_null() {
                    multiply_by_factors::<V>(call, (first, rows), place, dh);
                }
            }
        }
    }
}

/// What comes from a step came through the factors of the state that entered it, unless the step is masked.
///
/// # Safety
/// As for `walk_cell`.
#[inline(always)]
unsafe fn multiply_by_factors<V: Simd>(
    call: &Call,
    (first, rows): (usize, usize),
    place: usize,
    dh: *mut f32,
) {
    let Recurrent { time, units, .. } = *call.plan;
    for row in 0..rows {
        let sample = first + row;
        // SAFETY: as the caller vouches.
        unsafe {
            if !call.mask.is_null() && *call.mask.add(sample * time + place) == 0.0 {
                continue;
            }
            for unit in (0..units).step_by(V::LANES) {
                let count = (units - unit).min(V::LANES);
                let factor: V = load(call.factors.add(sample * units + unit), count);
                let own = dh.add(row * call.plan.width() + unit);
                (V::load(own) * factor).store(own);
            }
        }
    }
}

/// The gradients of one vector of units of a sample; `state` points to those of `h` and `c`, which become those of the
/// state before the step, but for what comes through the product.
///
/// # Safety
/// As for `walk_cell`.
#[inline(always)]
unsafe fn step_unit<V: Simd, C: Cell<V, G, K>, const G: usize, const K: usize>(
    call: &Call,
    cell: C,
    (sample, step, place, unit): (usize, usize, usize, usize),
    [dh, dc]: [*mut f32; 2],
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
        let mut after = State {
            h: V::load(dh),
            c: V::load(dc),
        };
        if sequence {
            after.h = after.h + load(call.dy.add(at * units + unit), count);
        } else if step + 1 == time {
            after.h = load(call.dy.add(sample * units + unit), count);
        }
        let masked = !call.mask.is_null() && *call.mask.add(at) == 0.0;
        let (mut x, mut s, mut state) = ([V::zero(); G], [V::zero(); G], after);
        if !masked {
            let h = load(call.reserve.add(at * units + unit), count);
            let reserve = call.reserve.add(batch * time * units);
            let mut kept = [V::zero(); K];
            for (index, kept) in kept.iter_mut().enumerate() {
                *kept = load(reserve.add((at * K + index) * units + unit), count);
            }
            let gradients = cell.backward(kept, h, after);
            (x, s, state) = (gradients.x, gradients.s, gradients.state);
        }
        for gate in 0..G {
            let own = (at * G + gate) * units + unit;
            store(x[gate], call.dx.add(own), count);
            if C::TWO_GRADIENTS {
                store(s[gate], call.ds.add(own), count);
            }
        }
        state.h.store(dh);
        state.c.store(dc);
    }
}

/// `dh += ds · Uᵀ` for some rows.
///
/// # Safety
/// `packed` is the packed transposed kernel; `ds` has `rows` rows of `depth`, `dh` of whole vectors of `units`.
#[inline(always)]
unsafe fn add_product<V: Simd>(
    packed: *const f32,
    units: usize,
    depth: usize,
    (ds, ds_stride): (*const f32, usize),
    (dh, dh_stride): (*mut f32, usize),
    rows: usize,
) {
    macro_rules! tile {
        ($rows:literal, $vectors:literal, $factors:expr, $to:expr) => {{
            let zeros = [[V::zero(); $vectors]; $rows];
            let sums = multiply::<V, $rows, $vectors, false>($factors, zeros);
            let finish = Finish {
                add: true,
                bias: std::ptr::null(),
                relu: false,
            };
            store_tile(sums, $to, dh_stride, V::LANES, finish);
            $rows
        }};
    }
    let width = 2 * V::LANES;
    for column in (0..units).step_by(width) {
        let wide = column + V::LANES < units;
        let mut row = 0;
        while row < rows {
            // SAFETY: as the caller vouches; states have whole vectors.
            unsafe {
                let factors = Factors {
                    a: ds.add(row * ds_stride),
                    a_stride: ds_stride,
                    b: packed.add(column * depth),
                    b_stride: width,
                    depth,
                };
                let to = dh.add(row * dh_stride + column);
                row += match (rows - row, wide) {
                    (12.., true) if V::TILE_ROWS >= 12 => tile!(12, 2, factors, to),
                    (8.., true) if V::TILE_ROWS >= 12 => tile!(8, 2, factors, to),
                    (4.., true) => tile!(4, 2, factors, to),
                    (2.., true) => tile!(2, 2, factors, to),
                    (_, true) => tile!(1, 2, factors, to),
                    (8.., false) => tile!(8, 1, factors, to),
                    (2.., false) => tile!(2, 1, factors, to),
                    (_, false) => tile!(1, 1, factors, to),
                };
            }
        }
    }
}
