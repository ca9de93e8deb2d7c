//! The gradient by images.
//!
//! For each window and each of its four positions, the filters that send a gradient there are listed
//! without a branch. Then, run by run, a strip of the image is held in registers while the strips of
//! the listed filters are added to it, so that each image strip is written once a list.

use super::PooledResults;
use super::{Pooled, Windows, strip_vectors};
use crate::{
    ConvShape, Level, Workers,
    gemm::pack::{Matrix, pack_columns},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// `dx` of [`super::ConvReluPoolForward`].
#[derive(Clone, Debug)]
pub struct ConvReluPoolGradInput {
    level: Level,
    windows: Windows,
    strips: Vec<Strip>,
    copied: bool,
}

/// A part of a run that fits in registers, and its panel of transposed filters.
#[derive(Clone, Copy, Debug)]
struct Strip {
    /// First tap.
    tap: usize,
    /// Where that tap lies from the base of a position.
    offset: usize,
    len: usize,
    vectors: usize,
    /// Where its panel begins, of filters × vectors.
    panel: usize,
}

impl ConvReluPoolGradInput {
    /// Plans one shape.
    ///
    /// # Panics
    /// As [`super::ConvReluPoolForward::new`].
    pub fn new(level: Level, shape: ConvShape) -> Self {
        let windows = Windows::new(shape);
        let geometry = &windows.geometry;
        let most = strip_vectors(level) * level.lanes();
        let mut strips = Vec::new();
        let (mut tap, mut panel) = (0, 0);
        for run in &geometry.runs {
            for first in (0..run.len).step_by(most) {
                let len = most.min(run.len - first);
                let vectors = len.div_ceil(level.lanes());
                strips.push(Strip {
                    tap: tap + first,
                    offset: run.offset + first,
                    len,
                    vectors,
                    panel,
                });
                panel += shape.filters * vectors * level.lanes();
            }
            tap += run.len;
        }
        Self {
            level,
            strips,
            copied: geometry.padded() || geometry.ragged(level),
            windows,
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        let copy = if self.copied {
            self.windows.geometry.copy_len()
        } else {
            0
        };
        copy + self.lists()
    }

    /// Two lists of all gradients of a sample, where each list of a position begins, and the number
    /// of each filter.
    fn lists(&self) -> usize {
        let filters = self.windows.shape().filters;
        2 * self.list() + (4 * self.windows.bases.len() + 1) + filters + 16
    }

    /// Gradients of a sample, one more for each list to make it even, and a vector; by
    /// [`supports`](super::ConvReluPoolForward::supports) their number has 32 bits.
    fn list(&self) -> usize {
        self.windows.pooled() + 4 * self.windows.bases.len() + 16
    }

    /// Floats of the shared temporary: the transposed filters.
    pub fn shared(&self) -> usize {
        let filters = self.windows.shape().filters;
        let last = self.strips.last();
        last.map_or(0, |strip| {
            strip.panel + filters * strip.vectors * self.level.lanes()
        })
    }

    /// Computes `dx` from the filters `w`, what forward stored in `y` and `index`, and the gradient
    /// `dy` by `y`.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        w: &[f32],
        results: PooledResults<'_>,
        dx: &mut [f32],
        shared: &mut [f32],
    ) {
        let PooledResults { y, index, dy } = results;
        let (geometry, shape) = (&self.windows.geometry, self.windows.shape());
        assert_eq!(w.len(), shape.filter_len(), "filters of {shape:?}");
        self.windows.check(y, index, dy);
        assert_eq!(dx.len(), shape.input_len(), "images of {shape:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let shared = &mut shared[..self.shared()];
        self.pack(workers, w, shared);
        let (pooled, sample) = (self.windows.pooled(), geometry.sample());
        let all = Pooled {
            y: y.as_ptr(),
            dy: dy.as_ptr(),
            index: index.as_ptr().cast(),
        };
        let output = Parts::new(dx);
        workers.run(geometry.pieces(), &|piece, scratch| {
            let all = &all;
            for index in geometry.samples(piece) {
                // SAFETY: samples are disjoint, and `part` finds them within `dx`.
                let dx = unsafe { output.part(index * sample, sample) };
                let pooled = all.at(index * pooled);
                let (lists, copy) = scratch.split_at_mut(self.lists());
                if self.copied {
                    let copy = &mut copy[..geometry.copy_len()];
                    copy.fill(0.0);
                    add_sample(self.level, self, shared, pooled, lists, copy);
                    geometry.copy_out(copy, dx);
                } else {
                    dx.fill(0.0);
                    add_sample(self.level, self, shared, pooled, lists, dx);
                }
            }
        });
    }

    fn pack(&self, workers: &Workers, w: &[f32], shared: &mut [f32]) {
        let filters = self.windows.shape().filters;
        let parts = Parts::new(shared);
        workers.run(self.strips.len(), &|piece, _| {
            let strip = self.strips[piece];
            let len = filters * strip.vectors * self.level.lanes();
            // SAFETY: each piece packs a panel of its own, which `part` finds within `shared`.
            let target = unsafe { parts.part(strip.panel, len) };
            pack_strip(self.level, strip, w, filters, target);
        });
    }
}

dispatch! {
    fn pack_strip(strip: Strip, w: &[f32], filters: usize, target: &mut [f32]) => pack_strip_generic
}

#[inline(always)]
fn pack_strip_generic<V: Simd>(strip: Strip, w: &[f32], filters: usize, target: &mut [f32]) {
    let matrix = Matrix {
        start: w.as_ptr(),
        stride: filters,
        transposed: true,
    };
    let width = strip.vectors * V::LANES;
    assert!(target.len() == filters * width && (strip.tap + strip.len) * filters <= w.len());
    // SAFETY: the assertion above.
    unsafe {
        let to = target.as_mut_ptr();
        pack_columns::<V>(matrix, (0, strip.tap), filters, strip.len, width, to);
    }
}

dispatch! {
    /// Adds the gradients of all windows of a sample to its image, with border.
    fn add_sample(plan: &ConvReluPoolGradInput, packed: &[f32], pooled: Pooled, lists: &mut [f32], dx: &mut [f32])
        => add_sample_generic
}

#[inline(always)]
fn add_sample_generic<V: Simd>(
    plan: &ConvReluPoolGradInput,
    packed: &[f32],
    pooled: Pooled,
    lists: &mut [f32],
    dx: &mut [f32],
) {
    let geometry = &plan.windows.geometry;
    let end = if plan.copied {
        geometry.copy_len()
    } else {
        geometry.image
    };
    assert!(dx.len() >= end && lists.len() >= plan.lists() && packed.len() >= plan.shared());
    let len = plan.list();
    let (gradients, rest) = lists.split_at_mut(len);
    let (filters, rest) = rest.split_at_mut(len);
    let (starts, numbers) = rest.split_at_mut(4 * plan.windows.bases.len() + 1);
    // SAFETY: `Windows::check` found all windows of all samples in `pooled`; the lists were cut for all gradients of a sample,
    // each in one list at most whatever the index holds, one more a list, and a vector.
    unsafe { list::<V>(&plan.windows, pooled, gradients, filters, starts, numbers) };
    let lists = Lists {
        windows: &plan.windows,
        gradients,
        filters,
        starts,
    };
    for strip in &plan.strips {
        let (panel, dx) = (
            packed[strip.panel..].as_ptr(),
            dx[strip.offset..].as_mut_ptr(),
        );
        macro_rules! strip {
            ($($vectors:literal)*) => {
                match strip.vectors {
                    // SAFETY: by `Geometry::new` runs at the windows' positions lie within `image` floats, and whole vectors that
                    // pass their ends within the slack of a copy, which `dx` has where there are such runs; `list` wrote
                    // numbers of filters alone, and their panel lies within `packed`: see the assertion above.
                    $($vectors => unsafe { lists.add::<V, $vectors>(panel, dx) },)*
                    vectors => unreachable!("no strip of {vectors} vectors"),
                }
            };
        }
        if V::LANES == 16 {
            strip!(1 2 3 4 5 6);
        } else {
            strip!(1 2 3 4);
        }
    }
}

/// Lists, window by window and position by position, the gradients and the filters they come from,
/// as the bits of a whole number. `starts` says, in bits too, where each list begins.
///
/// # Safety
/// `pooled` has all windows of a sample, and the lists hold a vector more than that.
#[inline(always)]
unsafe fn list<V: Simd>(
    windows: &Windows,
    pooled: Pooled,
    gradients: &mut [f32],
    filters: &mut [f32],
    starts: &mut [f32],
    numbers: &mut [f32],
) {
    let count = windows.shape().filters;
    for (number, bits) in numbers.iter_mut().enumerate() {
        *bits = f32::from_bits(number as u32);
    }
    let mut end = 0;
    for window in 0..windows.bases.len() {
        for corner in 0..4 {
            starts[4 * window + corner] = f32::from_bits(end as u32);
            for first in (0..count).step_by(V::LANES) {
                let part = (count - first).min(V::LANES);
                // SAFETY: `part` filters of the window; the lists end at most a vector behind the
                // gradients of all windows before and this one.
                unsafe {
                    let (gradient, index) = pooled.at(window * count + first).load::<V>(part);
                    let some = V::mask_not(gradient.eq(V::zero()));
                    let mask = V::mask_and(some, index.eq(V::splat(corner as f32)));
                    let number = V::from_slice(&numbers[first..]);
                    number.compress(mask, filters[end..].as_mut_ptr());
                    end += gradient.compress(mask, gradients[end..].as_mut_ptr());
                }
            }
            // A zero makes the list even, as `add` takes two at a time.
            gradients[end] = 0.0;
            filters[end] = 0.0;
            end += end % 2;
        }
    }
    starts[4 * windows.bases.len()] = f32::from_bits(end as u32);
}

struct Lists<'a> {
    windows: &'a Windows,
    gradients: &'a [f32],
    filters: &'a [f32],
    starts: &'a [f32],
}

impl Lists<'_> {
    /// Adds a strip of all windows.
    ///
    /// # Safety
    /// `VECTORS` vectors are writable from `dx` at each position, and readable from `panel` for each
    /// filter.
    #[inline(always)]
    unsafe fn add<V: Simd, const VECTORS: usize>(&self, panel: *const f32, dx: *mut f32) {
        let (gradients, filters) = (self.gradients.as_ptr(), self.filters.as_ptr());
        for (window, &base) in self.windows.bases.iter().enumerate() {
            for (corner, &offset) in self.windows.corners.iter().enumerate() {
                let list = 4 * window + corner;
                let begin = self.starts[list].to_bits() as usize;
                let end = self.starts[list + 1].to_bits() as usize;
                if begin == end {
                    continue;
                }
                // SAFETY: as the caller vouches.
                unsafe {
                    let to = dx.add(base as usize + offset);
                    // Two sets of sums, or the latency of one would set the pace.
                    let mut even = [V::zero(); VECTORS];
                    let mut odd = [V::zero(); VECTORS];
                    for (vector, sum) in even.iter_mut().enumerate() {
                        *sum = V::load(to.add(vector * V::LANES));
                    }
                    for entry in (begin..end).step_by(2) {
                        for (sums, entry) in [(&mut even, entry), (&mut odd, entry + 1)] {
                            let gradient = V::splat(*gradients.add(entry));
                            let filter = (*filters.add(entry)).to_bits() as usize;
                            let from = panel.add(filter * VECTORS * V::LANES);
                            for (vector, sum) in sums.iter_mut().enumerate() {
                                *sum = gradient.fma(V::load(from.add(vector * V::LANES)), *sum);
                            }
                        }
                    }
                    for (vector, (even, odd)) in even.into_iter().zip(odd).enumerate() {
                        (even + odd).store(to.add(vector * V::LANES));
                    }
                }
            }
        }
    }
}
