//! The gradient of a convolution by its filters and its bias.

use super::{ConvShape, Geometry};
use crate::{
    Level, Workers,
    gemm::tile::{Finish, Run, multiply_runs, store},
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// `dw = Σ patch(x) · dy` and `db = Σ dy`, over samples and positions.
#[derive(Clone, Debug)]
pub struct Conv2dGradFilter {
    level: Level,
    geometry: Geometry,
    /// Where each tap of a filter lies from the base of a position.
    taps: Vec<u32>,
    /// A row of positions after the other.
    rows: Vec<Run>,
}

impl Conv2dGradFilter {
    /// Plans the gradient of one shape.
    ///
    /// # Panics
    /// As [`Conv2dForward::new`](super::Conv2dForward::new).
    pub fn new(level: Level, shape: ConvShape) -> Self {
        let geometry = Geometry::new(shape);
        let taps = geometry.runs.iter();
        let taps = taps.flat_map(|run| (run.offset..run.offset + run.len).map(|tap| tap as u32));
        let (down, width) = (geometry.shape.stride[0] * geometry.row, shape.out_width());
        let row = |y| Run {
            offset: y * down,
            len: width,
        };
        Self {
            level,
            taps: taps.collect(),
            rows: (0..geometry.bases.len() / width.max(1)).map(row).collect(),
            geometry,
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        if self.geometry.padded() {
            self.geometry.copy_len()
        } else {
            0
        }
    }

    /// Floats of the shared temporary: the sums of each piece.
    pub fn shared(&self) -> usize {
        self.geometry.pieces() * self.partial()
    }

    fn partial(&self) -> usize {
        self.geometry.shape.filter_len() + self.geometry.shape.filters
    }

    /// Computes `dw`, and `db` where it is given, from the images `x` and the gradient `dy` by the
    /// convolution's result.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        db: Option<&mut [f32]>,
        shared: &mut [f32],
    ) {
        let shape = self.geometry.shape;
        assert_eq!(x.len(), shape.input_len(), "images of {shape:?}");
        assert_eq!(dy.len(), shape.output_len(), "gradient of {shape:?}");
        assert_eq!(dw.len(), shape.filter_len(), "filters of {shape:?}");
        assert!(
            db.as_ref().is_none_or(|db| db.len() == shape.filters),
            "bias of {shape:?}"
        );
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        if dy.is_empty() {
            dw.fill(0.0);
            return db.unwrap_or_default().fill(0.0);
        }
        let shared = &mut shared[..self.shared()];
        let partial = self.partial();
        let (sample, result) = (
            self.geometry.sample(),
            self.geometry.bases.len() * shape.filters,
        );
        let parts = Parts::new(shared);
        workers.run(self.geometry.pieces(), &|piece, scratch| {
            // SAFETY: each piece has sums of its own, which `part` finds within `shared`.
            let sums = unsafe { parts.part(piece * partial, partial) };
            sums.fill(0.0);
            for index in self.geometry.samples(piece) {
                let x = &x[index * sample..(index + 1) * sample];
                let x = if self.geometry.padded() {
                    self.geometry.copy_in(x, scratch);
                    &*scratch
                } else {
                    x
                };
                add_sample(
                    self.level,
                    self,
                    x,
                    &dy[index * result..(index + 1) * result],
                    sums,
                );
            }
        });
        sum_partials(self.level, workers, shared, partial, 0, dw);
        if let Some(db) = db {
            sum_partials(self.level, workers, shared, partial, shape.filter_len(), db);
        }
    }
}

/// `target = Σ` over rows of `stride` floats of the floats from `start`, in the order of the rows.
pub(crate) fn sum_partials(
    level: Level,
    workers: &Workers,
    partials: &[f32],
    stride: usize,
    start: usize,
    target: &mut [f32],
) {
    let len = target.len();
    let part = len.div_ceil(8).next_multiple_of(64).max(2048);
    let parts = Parts::new(target);
    workers.run(len.div_ceil(part), &|piece, _| {
        let first = piece * part;
        // SAFETY: pieces are disjoint ranges, which `part` finds within the target.
        let target = unsafe { parts.part(first, part.min(len - first)) };
        sum_range(level, partials, stride, start + first, target);
    });
}

dispatch! {
    fn sum_range(partials: &[f32], stride: usize, start: usize, target: &mut [f32]) => sum_range_generic
}

#[inline(always)]
fn sum_range_generic<V: Simd>(partials: &[f32], stride: usize, start: usize, target: &mut [f32]) {
    for (index, target) in target.chunks_mut(V::LANES).enumerate() {
        let (first, count) = (start + index * V::LANES, target.len());
        let mut sum = V::zero();
        for row in partials.chunks_exact(stride.max(1)) {
            sum = sum + V::from_slice(&row[first..first + count]);
        }
        sum.to_slice(target);
    }
}

dispatch! {
    /// Adds one sample to the sums: filters, then bias.
    fn add_sample(plan: &Conv2dGradFilter, x: &[f32], dy: &[f32], sums: &mut [f32]) => add_sample_generic
}

#[inline(always)]
fn add_sample_generic<V: Simd>(plan: &Conv2dGradFilter, x: &[f32], dy: &[f32], sums: &mut [f32]) {
    let shape = &plan.geometry.shape;
    let (dw, db) = sums.split_at_mut(shape.filter_len());
    assert!(x.len() >= plan.geometry.image && db.len() == shape.filters);
    assert!(dy.len() == plan.geometry.bases.len() * shape.filters);
    let (channels, filters) = (shape.channels / shape.groups, shape.filters / shape.groups);
    for group in 0..shape.groups {
        let mut first = 0;
        while first < filters {
            let count = (filters - first).min(2 * V::LANES);
            // Whole vectors only: the last filters of a group are taken by narrower vectors below.
            let vectors = count / V::LANES;
            let column = group * filters + first;
            let tiles = Tiles {
                plan,
                x: x[group * channels..].as_ptr(),
                dy: dy[column..].as_ptr(),
            };
            let mut tap = 0;
            while tap < plan.taps.len() {
                let to = dw[tap * shape.filters + column..].as_mut_ptr();
                // SAFETY: by `Geometry::new` all taps of all positions lie within `image` floats, which `x` has; `dy` has a row for
                // each position and `dw` one for each tap, by the assertions above, and a group has `count` columns from here.
                tap += unsafe { tiles.next::<V>(tap, vectors, count, to) };
            }
            first += if vectors == 0 {
                count
            } else {
                vectors * V::LANES
            };
        }
    }
    for row in dy.chunks_exact(shape.filters) {
        for (db, dy) in db.chunks_mut(V::LANES).zip(row.chunks(V::LANES)) {
            (V::from_slice(db) + V::from_slice(dy)).to_slice(db);
        }
    }
}

struct Tiles<'a> {
    plan: &'a Conv2dGradFilter,
    x: *const f32,
    dy: *const f32,
}

impl Tiles<'_> {
    /// Adds a tile of taps and returns how many.
    ///
    /// # Safety
    /// The taps from `tap` lie within the image; `dy` and `to` have `vectors` vectors of columns, or
    /// `count` columns where that is none.
    #[inline(always)]
    unsafe fn next<V: Simd>(
        &self,
        tap: usize,
        vectors: usize,
        count: usize,
        to: *mut f32,
    ) -> usize {
        let left = self.plan.taps.len() - tap;
        // SAFETY: as the caller vouches.
        unsafe {
            match (V::TILE_ROWS, left) {
                (12, 12..) => self.any::<V, 12>(tap, vectors, count, to),
                (6, 6..) => self.any::<V, 6>(tap, vectors, count, to),
                (_, 4..) => self.any::<V, 4>(tap, vectors, count, to),
                (_, 2..) => self.any::<V, 2>(tap, vectors, count, to),
                _ => self.any::<V, 1>(tap, vectors, count, to),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn any<V: Simd, const ROWS: usize>(
        &self,
        tap: usize,
        vectors: usize,
        count: usize,
        to: *mut f32,
    ) -> usize {
        let mut rows = [self.x; ROWS];
        for (row, &offset) in rows.iter_mut().zip(&self.plan.taps[tap..]) {
            *row = row.wrapping_add(offset as usize);
        }
        let shape = &self.plan.geometry.shape;
        let (step, stride) = (shape.stride[1] * shape.channels, shape.filters);
        let runs = self.plan.rows.iter().copied();
        let finish = Finish {
            add: true,
            bias: std::ptr::null(),
            relu: false,
        };
        // SAFETY: as the caller vouches.
        unsafe {
            match vectors {
                2 => {
                    let zeros = [[V::zero(); 2]; ROWS];
                    let sums = multiply_runs(rows, runs, step, self.dy, stride, zeros);
                    store::<V, ROWS, 2>(sums, to, stride, V::LANES, finish);
                }
                1 => {
                    let zeros = [[V::zero(); 1]; ROWS];
                    let sums = multiply_runs(rows, runs, step, self.dy, stride, zeros);
                    store::<V, ROWS, 1>(sums, to, stride, V::LANES, finish);
                }
                _ => {
                    let mut sums = [[V::zero(); 1]; ROWS];
                    let mut dy = self.dy;
                    for run in runs {
                        for index in 0..run.len {
                            let columns = V::load_partial(dy, count);
                            for (sums, row) in sums.iter_mut().zip(rows) {
                                let value = V::splat(*row.add(run.offset + index * step));
                                sums[0] = value.fma(columns, sums[0]);
                            }
                            dy = dy.wrapping_add(stride);
                        }
                    }
                    store::<V, ROWS, 1>(sums, to, stride, count, finish);
                }
            }
        }
        ROWS
    }
}
