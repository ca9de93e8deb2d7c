//! The gradient by filters and bias.
//!
//! For each filter, the positions that have a gradient are listed without a branch; then the patch at
//! each is added, times the gradient, to sums that stay in registers: unit-stride loads, a quarter of
//! the work of the dense product, and less where the ReLU cut off. Filters that cover only a few
//! contiguous floats take [`super::grad_narrow`] instead.

use super::PooledResults;
use super::{Pooled, Windows, grad_narrow::add_sample_narrow, strip_vectors};
use crate::{
    ConvShape, Level, Workers, conv::sum_partials, level::dispatch, simd::Simd, workers::Parts,
};

/// Windows listed at once.
const BATCH: usize = 32;

/// `dw` and `db` of [`super::ConvReluPoolForward`].
#[derive(Clone, Debug)]
pub struct ConvReluPoolGradFilter {
    level: Level,
    windows: Windows,
    /// Where each tap lies from the base of a position.
    taps: Vec<u32>,
    narrow: bool,
    copied: bool,
}

impl ConvReluPoolGradFilter {
    /// Plans one shape.
    ///
    /// # Panics
    /// As [`super::ConvReluPoolForward::new`].
    pub fn new(level: Level, shape: ConvShape) -> Self {
        let windows = Windows::new(shape);
        let geometry = &windows.geometry;
        let narrow = geometry.runs[0].len < 2 * level.lanes();
        let taps = geometry.runs.iter();
        let taps = taps.flat_map(|run| (run.offset..run.offset + run.len).map(|tap| tap as u32));
        Self {
            level,
            taps: taps.collect(),
            narrow,
            copied: geometry.padded() || !narrow && geometry.ragged(level),
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
        copy + if self.narrow { 0 } else { self.lists() }
    }

    /// Gradients and places of a batch of windows, as they come and transposed, and two lists.
    fn lists(&self) -> usize {
        4 * BATCH * self.filters() + 2 * (BATCH + 16)
    }

    /// Filters, up to whole vectors.
    fn filters(&self) -> usize {
        self.windows.shape().filters.next_multiple_of(16)
    }

    /// Floats of the shared temporary: the sums of each piece.
    pub fn shared(&self) -> usize {
        self.windows.geometry.pieces() * self.partial()
            + if self.narrow {
                0
            } else {
                self.windows.shape().filters * self.transposed_taps()
            }
    }

    /// Floats of a run, up to whole vectors.
    fn run_len(&self) -> usize {
        self.windows.geometry.runs[0]
            .len
            .next_multiple_of(self.level.lanes())
    }

    fn transposed_taps(&self) -> usize {
        self.windows.geometry.runs.len() * self.run_len()
    }

    /// Sums of a piece: filters, then bias.
    fn partial(&self) -> usize {
        let shape = self.windows.shape();
        let taps = if self.narrow {
            shape.taps()
        } else {
            self.transposed_taps()
        };
        shape.filters * taps + self.filters()
    }

    /// Computes `dw` and `db` from the images `x`, what forward stored in `y` and `index`, and the
    /// gradient `dy` by `y`.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        results: PooledResults<'_>,
        dw: &mut [f32],
        db: &mut [f32],
        shared: &mut [f32],
    ) {
        let PooledResults { y, index, dy } = results;
        let (geometry, shape) = (&self.windows.geometry, self.windows.shape());
        assert_eq!(x.len(), shape.input_len(), "images of {shape:?}");
        self.windows.check(y, index, dy);
        assert_eq!(dw.len(), shape.filter_len(), "filters of {shape:?}");
        assert_eq!(db.len(), shape.filters, "bias of {shape:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let (partial, pooled, sample) = (self.partial(), self.windows.pooled(), geometry.sample());
        let (partials, transposed) =
            shared[..self.shared()].split_at_mut(geometry.pieces() * partial);
        let all = Pooled {
            y: y.as_ptr(),
            dy: dy.as_ptr(),
            index: index.as_ptr().cast(),
        };
        let parts = Parts::new(partials);
        workers.run(geometry.pieces(), &|piece, scratch| {
            let all = &all;
            // SAFETY: each piece has sums of its own, which `part` finds within `partials`.
            let sums = unsafe { parts.part(piece * partial, partial) };
            sums.fill(0.0);
            for index in geometry.samples(piece) {
                let x = &x[index * sample..(index + 1) * sample];
                let (copy, lists) =
                    scratch.split_at_mut(if self.copied { geometry.copy_len() } else { 0 });
                let x = if self.copied {
                    geometry.copy_in(x, copy);
                    &*copy
                } else {
                    x
                };
                let pooled = all.at(index * pooled);
                if self.narrow {
                    add_sample_narrow(self.level, &self.windows, &self.taps, x, pooled, sums);
                } else {
                    add_sample(self.level, self, x, pooled, lists, sums);
                }
            }
        });
        let bias = partial - self.filters();
        if self.narrow {
            sum_partials(self.level, workers, partials, partial, 0, dw);
        } else {
            sum_partials(self.level, workers, partials, partial, 0, transposed);
            self.transpose(workers, transposed, dw);
        }
        sum_partials(self.level, workers, partials, partial, bias, db);
    }

    /// Brings filters × runs into taps × filters.
    fn transpose(&self, workers: &Workers, transposed: &[f32], dw: &mut [f32]) {
        let run = self.windows.geometry.runs[0].len;
        let filters = self.windows.shape().filters;
        let parts = Parts::new(dw);
        workers.run(self.windows.geometry.runs.len(), &|piece, _| {
            // SAFETY: each piece has the taps of one run, which `part` finds within `dw`.
            let dw = unsafe { parts.part(piece * run * filters, run * filters) };
            let start = piece * self.run_len();
            transpose(
                self.level,
                transposed,
                start,
                self.transposed_taps(),
                filters,
                dw,
            );
        });
    }
}

dispatch! {
    /// Transposes `filters` rows of the floats from `start`, `stride` apart, into `dw`.
    fn transpose(from: &[f32], start: usize, stride: usize, filters: usize, dw: &mut [f32]) => transpose_generic
}

#[inline(always)]
fn transpose_generic<V: Simd>(
    from: &[f32],
    start: usize,
    stride: usize,
    filters: usize,
    dw: &mut [f32],
) {
    let taps = dw.len() / filters;
    assert!(start + taps <= stride && from.len() == filters * stride);
    let whole = filters / V::LANES * V::LANES;
    for tap in (0..taps).step_by(V::LANES) {
        let count = (taps - tap).min(V::LANES);
        for filter in (0..whole).step_by(V::LANES) {
            let from = from[filter * stride + start + tap..].as_ptr();
            let to = dw[tap * filters + filter..].as_mut_ptr();
            // SAFETY: whole vectors of filters, and `count` taps of `taps`, lie within both, by the assertion above.
            unsafe { V::transpose(from, stride, V::LANES, count, to, filters) };
        }
    }
    for filter in whole..filters {
        for tap in 0..taps {
            dw[tap * filters + filter] = from[filter * stride + start + tap];
        }
    }
}

dispatch! {
    /// Adds one sample to the sums.
    fn add_sample(plan: &ConvReluPoolGradFilter, x: &[f32], pooled: Pooled, lists: &mut [f32], sums: &mut [f32])
        => add_sample_generic
}

#[inline(always)]
fn add_sample_generic<V: Simd>(
    plan: &ConvReluPoolGradFilter,
    x: &[f32],
    pooled: Pooled,
    lists: &mut [f32],
    sums: &mut [f32],
) {
    let filters = plan.windows.shape().filters;
    let columns = plan.filters();
    assert!(x.len() >= plan.windows.geometry.image && lists.len() >= plan.lists());
    let (dw, db) = sums.split_at_mut(filters * plan.transposed_taps());
    let (gradients, rest) = lists.split_at_mut(BATCH * columns);
    let (places, rest) = rest.split_at_mut(BATCH * columns);
    let (transposed, rest) = rest.split_at_mut(2 * BATCH * columns);
    let (listed, listed_places) = rest.split_at_mut(BATCH + 16);
    for (batch, bases) in plan.windows.bases.chunks(BATCH).enumerate() {
        let from = pooled.at(batch * BATCH * filters);
        // SAFETY: `Windows::check` found all windows of all samples in `pooled`; the lists were cut for a batch.
        unsafe { spread::<V>(&plan.windows, bases, from, columns, gradients, places, db) };
        let (by_filter, places_by_filter) = transposed.split_at_mut(BATCH * columns);
        for (from, to) in [
            (&*gradients, &mut *by_filter),
            (&*places, &mut *places_by_filter),
        ] {
            for window in (0..bases.len()).step_by(V::LANES) {
                let rows = (bases.len() - window).min(V::LANES);
                for filter in (0..columns).step_by(V::LANES) {
                    let from = from[window * columns + filter..].as_ptr();
                    let to = to[filter * BATCH + window..].as_mut_ptr();
                    // SAFETY: `BATCH` and `columns` are multiples of the vector, and both sides were cut to as many of each.
                    unsafe { V::transpose(from, columns, rows, V::LANES, to, BATCH) };
                }
            }
        }
        for (filter, dw) in dw.chunks_exact_mut(plan.transposed_taps()).enumerate() {
            let mut count = 0;
            for window in (0..bases.len()).step_by(V::LANES) {
                let at = filter * BATCH + window;
                let gradient = V::from_slice(&by_filter[at..at + V::LANES]);
                let place = V::from_slice(&places_by_filter[at..at + V::LANES]);
                let mask = V::mask_not(gradient.eq(V::zero()));
                // SAFETY: both lists were cut to 16 floats, the widest vector, more than a batch.
                unsafe {
                    place.compress(mask, listed_places[count..].as_mut_ptr());
                    count += gradient.compress(mask, listed[count..].as_mut_ptr());
                }
            }
            let list = List {
                gradients: &listed[..count],
                places: &listed_places[..count],
            };
            // SAFETY: places are among those that `spread` wrote, whatever the index held: positions, at which by
            // `Geometry::new` runs stay within `image` floats, which `x` has, and whole vectors within the slack of a copy,
            // which it is where runs are not whole vectors. `dw` was cut to the runs of a filter.
            unsafe { list.add::<V>(plan, x.as_ptr(), dw) };
        }
    }
}

/// Writes, window by window, the gradient of each filter and the place it goes to, as the bits of a
/// whole number; adds the gradients to `db`.
///
/// # Safety
/// `pooled` has as many windows as `bases`; the targets hold as many rows of `columns`.
#[inline(always)]
unsafe fn spread<V: Simd>(
    windows: &Windows,
    bases: &[u32],
    pooled: Pooled,
    columns: usize,
    gradients: &mut [f32],
    places: &mut [f32],
    db: &mut [f32],
) {
    let filters = windows.geometry.shape.filters;
    assert!(bases.len() * columns <= gradients.len().min(places.len()) && db.len() == columns);
    for first in (0..columns).step_by(V::LANES) {
        let count = filters.saturating_sub(first).min(V::LANES);
        let mut sum = V::from_slice(&db[first..]);
        for (window, &base) in bases.iter().enumerate() {
            // SAFETY: `count` filters of the window, and a vector within the row of `columns`.
            unsafe {
                let (gradient, index) = pooled.at(window * filters + first).load::<V>(count);
                let at =
                    |corner: usize| V::splat(f32::from_bits(base + windows.corners[corner] as u32));
                let mut place = at(0);
                for corner in 1..4 {
                    place = at(corner).select(place, index.eq(V::splat(corner as f32)));
                }
                sum = sum + gradient;
                let to = window * columns + first;
                gradient.store(gradients.as_mut_ptr().add(to));
                place.store(places.as_mut_ptr().add(to));
            }
        }
        sum.to_slice(&mut db[first..]);
    }
}

/// What one filter has to add.
struct List<'a> {
    gradients: &'a [f32],
    places: &'a [f32],
}

impl List<'_> {
    /// Adds the listed patches to the taps of one filter, a few vectors of three runs, or of one, at
    /// a time.
    ///
    /// # Safety
    /// Whole vectors of all runs at all places are readable from `x`.
    #[inline(always)]
    unsafe fn add<V: Simd>(&self, plan: &ConvReluPoolGradFilter, x: *const f32, dw: &mut [f32]) {
        let runs = &plan.windows.geometry.runs;
        let (run_len, most) = (plan.run_len(), strip_vectors(plan.level));
        let vectors = run_len / V::LANES;
        let mut run = 0;
        while run < runs.len() {
            let three = runs.len() - run >= 3;
            let mut first = 0;
            while first < vectors {
                let count = (vectors - first).min(most);
                let offset = |index: usize| {
                    x.wrapping_add(
                        runs[(run + index).min(runs.len() - 1)].offset + first * V::LANES,
                    )
                };
                let to = dw[run * run_len + first * V::LANES..].as_mut_ptr();
                // SAFETY: as the caller vouches.
                unsafe {
                    macro_rules! strip {
                        ($($count:literal)*) => {
                            match (count, three) {
                                $(
                                    ($count, true) => self.strip::<V, 3, $count>([offset(0), offset(1), offset(2)], to, run_len),
                                    ($count, false) => self.strip::<V, 1, $count>([offset(0)], to, run_len),
                                )*
                                _ => unreachable!("no strip of {count} vectors"),
                            }
                        };
                    }
                    if V::LANES == 16 {
                        strip!(1 2 3 4 5 6);
                    } else {
                        strip!(1 2 3 4);
                    }
                }
                first += count;
            }
            run += if three { 3 } else { 1 };
        }
    }

    /// # Safety
    /// As for `add`; `to` holds the sums of the runs, `stride` apart.
    #[inline(always)]
    unsafe fn strip<V: Simd, const RUNS: usize, const VECTORS: usize>(
        &self,
        from: [*const f32; RUNS],
        to: *mut f32,
        stride: usize,
    ) {
        // SAFETY: as the caller vouches.
        unsafe {
            let mut sums = [[V::zero(); VECTORS]; RUNS];
            for (run, sums) in sums.iter_mut().enumerate() {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(to.add(run * stride + vector * V::LANES));
                }
            }
            for (&gradient, &place) in self.gradients.iter().zip(self.places) {
                let gradient = V::splat(gradient);
                let place = place.to_bits() as usize;
                for (from, sums) in from.iter().zip(&mut sums) {
                    for (vector, sum) in sums.iter_mut().enumerate() {
                        let x = V::load(from.add(place + vector * V::LANES));
                        *sum = gradient.fma(x, *sum);
                    }
                }
            }
            for (run, sums) in sums.iter().enumerate() {
                for (vector, sum) in sums.iter().enumerate() {
                    sum.store(to.add(run * stride + vector * V::LANES));
                }
            }
        }
    }
}
