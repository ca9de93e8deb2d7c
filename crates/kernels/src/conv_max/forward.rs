//! Forward: tiles of steps, of which the largest stay in registers.

use super::SequenceShape;
use crate::{
    ConvShape, Level, Workers,
    conv::{PIECES, Panels},
    gemm::tile::{Factors, multiply},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// `y = maximum over time of f(x * w + bias)`, with `f` ReLU or nothing.
///
/// The steps under a filter lie one after another, so the convolution is a matrix product whose rows overlap.
#[derive(Clone, Debug)]
pub struct ConvMaxForward {
    level: Level,
    shape: SequenceShape,
    panels: Panels,
}

/// What the maximum over time of a convolution is computed from.
#[derive(Debug, Clone, Copy)]
pub struct ConvMaxOperands<'a> {
    /// The sequences.
    pub x: &'a [f32],
    /// The filters.
    pub w: &'a [f32],
    /// A number for each filter, if there are any.
    pub bias: Option<&'a [f32]>,
    /// Which places count, if not all do.
    pub mask: Option<&'a [f32]>,
}

impl ConvMaxForward {
    /// Plans one shape.
    ///
    /// # Panics
    /// Where there are more than 2²⁴ places of a filter, or more than [`MOST_FLOATS`](crate::MOST_FLOATS) of anything; so do
    /// the gradients.
    pub fn new(level: Level, shape: SequenceShape) -> Self {
        let shape = shape.checked();
        let image = ConvShape {
            batch: shape.batch,
            height: 1,
            width: shape.time,
            channels: shape.channels,
            filters: shape.filters,
            kernel: [1, shape.kernel],
            stride: [1, 1],
            padding: [0, 0, shape.padding[0], shape.padding[1]],
            dilation: [1, 1],
            groups: 1,
        };
        Self {
            level,
            shape,
            panels: Panels::new(level, &image),
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        match self.shape.padding {
            [0, 0] => 0,
            _ => self.shape.padded() * self.shape.channels,
        }
    }

    /// Floats of the shared temporary.
    pub fn shared(&self) -> usize {
        self.panels.len()
    }

    /// Computes `y` (batch × filters) from sequences `x`, filters `w` (kernel · channels × filters), a bias (filters)
    /// or none, and a mask (batch × places) of the places that count, or none. `at` receives the number of the place
    /// that won, the first of equals, −1 where no place counts; backward needs it, inference does not. What is not a
    /// number wins; a sequence without places gives 0.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        operands: ConvMaxOperands<'_>,
        y: &mut [f32],
        at: Option<&mut [f32]>,
        shared: &mut [f32],
    ) {
        let ConvMaxOperands { x, w, bias, mask } = operands;
        let shape = self.shape;
        let (sample, filters, places) = (shape.sample(), shape.filters, shape.places());
        assert_eq!(x.len(), shape.batch * sample, "sequences of {shape:?}");
        assert_eq!(w.len(), shape.depth() * filters, "filters of {shape:?}");
        assert_eq!(y.len(), shape.batch * filters, "result of {shape:?}");
        let bias_fits = bias.is_none_or(|bias| bias.len() == filters);
        let mask_fits = mask.is_none_or(|mask| mask.len() == shape.batch * places);
        assert!(bias_fits && mask_fits, "bias and mask of {shape:?}");
        let at_fits = at.as_ref().is_none_or(|at| at.len() == y.len());
        assert!(at_fits, "places of {shape:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let shared = &mut shared[..self.shared()];
        let width = 2 * self.level.lanes();
        let is_packed = shape.batch >= PIECES || !filters.is_multiple_of(width);
        // Of few sequences, packing would take a good part of the time.
        let (panels, panel) = match is_packed {
            true => (
                self.panels.prepare(self.level, workers, w, shared),
                self.panels.panel(),
            ),
            false => (w, width),
        };
        let stride = if is_packed { width } else { filters };
        let all = self.panels.per_group();
        let parts = if shape.batch < PIECES { all } else { 1 };
        let with_places = at.is_some();
        let (y, at) = (Parts::new(y), Parts::new(at.unwrap_or_default()));
        workers.run(shape.batch * parts, &|piece, scratch| {
            let (index, part) = (piece / parts, piece % parts);
            let own = part * all / parts..(part + 1) * all / parts;
            let (first, _) = self.panels.filters(own.start);
            let (last, count) = self.panels.filters(own.end - 1);
            let (from, len) = (index * filters + first, last + count - first);
            // SAFETY: pieces have different sequences or filters, which `part` finds within `y`.
            let y = unsafe { y.part(from, len) };
            // SAFETY: as above.
            let at = with_places.then(|| unsafe { at.part(from, len) });
            let x = self.padded(&x[index * sample..][..sample], scratch);
            let job = Job {
                plan: self,
                panels: &panels[own.start * panel..],
                panel,
                stride,
                bias: bias.map(|bias| &bias[first..first + len]),
                mask: mask.map(|mask| &mask[index * places..][..places]),
            };
            convolve(self.level, &job, x, y, at.unwrap_or_default());
        });
    }

    fn padded<'a>(&self, x: &'a [f32], scratch: &'a mut [f32]) -> &'a [f32] {
        let [before, after] = self.shape.padding.map(|steps| steps * self.shape.channels);
        if before + after == 0 {
            return x;
        }
        scratch[..before].fill(0.0);
        scratch[before..before + x.len()].copy_from_slice(x);
        scratch[before + x.len()..][..after].fill(0.0);
        &scratch[..before + x.len() + after]
    }
}

/// One sequence and some of the panels of filters.
struct Job<'a> {
    plan: &'a ConvMaxForward,
    panels: &'a [f32],
    /// Floats from one panel to the next, and from one of its rows to the next.
    panel: usize,
    stride: usize,
    bias: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
}

dispatch! {
    fn convolve(job: &Job<'_>, x: &[f32], y: &mut [f32], at: &mut [f32]) => convolve_generic
}

#[inline(always)]
fn convolve_generic<V: Simd>(job: &Job<'_>, x: &[f32], y: &mut [f32], at: &mut [f32]) {
    let places = job.plan.shape.places();
    let Some(first) = (0..places).find(|&place| job.counts(place)) else {
        y.fill(0.0);
        at.fill(-1.0);
        return;
    };
    assert!(x.len() >= (places - 1) * job.plan.shape.channels + job.plan.shape.depth());
    let width = 2 * V::LANES;
    for (panel, y) in y.chunks_mut(width).enumerate() {
        let tiles = Tiles {
            job,
            x: x.as_ptr(),
            panel: job.panels[panel * job.panel..].as_ptr(),
            bias: job.bias.map_or([V::zero(); 2], |bias| {
                let bias = &bias[panel * width..];
                [
                    V::from_slice(bias),
                    V::from_slice(&bias[bias.len().min(V::LANES)..]),
                ]
            }),
        };
        let mut best = Best {
            value: [V::splat(f32::NEG_INFINITY); 2],
            place: [V::splat(first as f32); 2],
        };
        let mut done = first;
        while done < places {
            // SAFETY: `x` has what filters cover at all places, by the assertion above; `panel` begins a panel, two vectors wide,
            // of those that `prepare` packed, or of a `w` whose filters are whole panels.
            done += unsafe { tiles.next(done, places - done, &mut best) };
        }
        best.store(y, at.get_mut(panel * width..).unwrap_or_default());
    }
}

impl Job<'_> {
    #[inline(always)]
    fn counts(&self, place: usize) -> bool {
        self.mask.is_none_or(|mask| mask[place] != 0.0)
    }
}

/// The largest sums so far of two vectors of filters, and their places.
struct Best<V> {
    value: [V; 2],
    place: [V; 2],
}

impl<V: Simd> Best<V> {
    #[inline(always)]
    fn store(&self, y: &mut [f32], at: &mut [f32]) {
        let middle = y.len().min(V::LANES);
        let (first, second) = y.split_at_mut(middle);
        self.value[0].to_slice(first);
        self.value[1].to_slice(second);
        if at.is_empty() {
            return;
        }
        let (first, second) = at[..first.len() + second.len()].split_at_mut(middle);
        self.place[0].to_slice(first);
        self.place[1].to_slice(second);
    }
}

/// The tiles of one panel of filters.
struct Tiles<'a, V> {
    job: &'a Job<'a>,
    x: *const f32,
    panel: *const f32,
    bias: [V; 2],
}

impl<V: Simd> Tiles<'_, V> {
    /// Computes a tile of the next places and returns how many.
    ///
    /// # Safety
    /// The places lie within the sequence at `x`.
    #[inline(always)]
    unsafe fn next(&self, place: usize, left: usize, best: &mut Best<V>) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            match (V::TILE_ROWS, left) {
                (12, 12..) => self.tile::<12>(place, best),
                (12, 8..) => self.tile::<8>(place, best),
                (6, 6..) => self.tile::<6>(place, best),
                (_, 4..) => self.tile::<4>(place, best),
                (_, 2..) => self.tile::<2>(place, best),
                _ => self.tile::<1>(place, best),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(&self, place: usize, best: &mut Best<V>) -> usize {
        let shape = &self.job.plan.shape;
        let factors = Factors {
            a: self.x.wrapping_add(place * shape.channels),
            a_stride: shape.channels,
            b: self.panel,
            b_stride: self.job.stride,
            depth: shape.depth(),
        };
        // SAFETY: as the caller vouches.
        let sums = unsafe { multiply::<V, ROWS, 2, false>(factors, [[V::zero(); 2]; ROWS]) };
        for (row, sums) in sums.iter().enumerate() {
            if self.job.counts(place + row) {
                let number = V::splat((place + row) as f32);
                for (vector, sum) in sums.iter().enumerate() {
                    let mut sum = *sum + self.bias[vector];
                    if shape.relu {
                        sum = V::zero().max(sum);
                    }
                    let wins = V::mask_or(sum.gt(best.value[vector]), sum.is_nan());
                    best.value[vector] = sum.select(best.value[vector], wins);
                    best.place[vector] = number.select(best.place[vector], wins);
                }
            }
        }
        ROWS
    }
}
