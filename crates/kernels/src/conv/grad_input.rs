//! The gradient of a convolution by its images.

use super::{ConvShape, Geometry, winograd::Winograd};
use crate::{
    Level, Workers,
    gemm::{
        pack::{Matrix, pack_columns},
        tile::{Run, multiply_runs},
    },
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// `dx`: each position adds its gradient times the filters to the floats that it covered. Filters of
/// 3 × 3 with stride 1 go through Winograd's transforms where there are channels and positions enough.
#[derive(Clone, Debug)]
pub struct Conv2dGradInput {
    level: Level,
    geometry: Geometry,
    /// Parts of a run at most two vectors wide: a panel of transposed filters each.
    strips: Vec<Strip>,
    copied: bool,
    winograd: Option<Winograd>,
}

#[derive(Clone, Copy, Debug)]
struct Strip {
    /// First tap.
    tap: usize,
    /// Where that tap lies from the base of a position.
    offset: usize,
    len: usize,
}

impl Conv2dGradInput {
    /// Plans the gradient of one shape.
    ///
    /// # Panics
    /// As [`Conv2dForward::new`](super::Conv2dForward::new).
    pub fn new(level: Level, shape: ConvShape) -> Self {
        let geometry = Geometry::new(shape);
        let width = 2 * level.lanes();
        let mut tap = 0;
        let mut strips = Vec::new();
        for run in &geometry.runs {
            for first in (0..run.len).step_by(width) {
                strips.push(Strip {
                    tap: tap + first,
                    offset: run.offset + first,
                    len: width.min(run.len - first),
                });
            }
            tap += run.len;
        }
        let copied = geometry.padded() || geometry.ragged(level);
        Self {
            level,
            geometry,
            strips,
            copied,
            winograd: Winograd::grad_input(level, shape),
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        if let Some(winograd) = &self.winograd {
            winograd.scratch()
        } else if self.copied {
            self.geometry.copy_len()
        } else {
            0
        }
    }

    /// Floats of the shared temporary: the transposed filters.
    pub fn shared(&self) -> usize {
        self.winograd.as_ref().map_or(
            self.strips.len() * self.panel() * self.geometry.shape.groups,
            Winograd::shared,
        )
    }

    /// Floats of a panel: filters of a group × two vectors of taps.
    fn panel(&self) -> usize {
        self.geometry.shape.filters / self.geometry.shape.groups * 2 * self.level.lanes()
    }

    /// Computes `dx` from the filters `w` and the gradient `dy` by the convolution's result.
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        w: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        shared: &mut [f32],
    ) {
        let shape = self.geometry.shape;
        assert_eq!(w.len(), shape.filter_len(), "filters of {shape:?}");
        assert_eq!(dy.len(), shape.output_len(), "gradient of {shape:?}");
        assert_eq!(dx.len(), shape.input_len(), "images of {shape:?}");
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        if dy.is_empty() {
            return dx.fill(0.0);
        }
        let shared = &mut shared[..self.shared()];
        match &self.winograd {
            Some(winograd) => winograd.run(workers, dy, w, None, dx, shared),
            None => self.run_direct(workers, w, dy, dx, shared),
        }
    }

    fn run_direct(
        &self,
        workers: &Workers,
        w: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        shared: &mut [f32],
    ) {
        let shape = self.geometry.shape;
        let (panel, groups) = (self.panel(), shape.groups);
        let parts = Parts::new(shared);
        workers.run(groups * self.strips.len(), &|piece, _| {
            // SAFETY: each piece packs a panel of its own, which `part` finds within `shared`.
            let target = unsafe { parts.part(piece * panel, panel) };
            let (group, strip) = (piece / self.strips.len(), piece % self.strips.len());
            let column = group * (shape.filters / groups);
            pack_strip(
                self.level,
                self.strips[strip],
                w,
                shape.filters,
                column,
                target,
            );
        });
        let (sample, result) = (
            self.geometry.sample(),
            self.geometry.bases.len() * shape.filters,
        );
        let output = Parts::new(dx);
        workers.run(self.geometry.pieces(), &|piece, scratch| {
            for index in self.geometry.samples(piece) {
                // SAFETY: samples are disjoint, and `part` finds them within `dx`.
                let dx = unsafe { output.part(index * sample, sample) };
                let dy = &dy[index * result..(index + 1) * result];
                if self.copied {
                    let copy = &mut scratch[..self.geometry.copy_len()];
                    copy.fill(0.0);
                    add_sample(self.level, self, shared, dy, copy);
                    self.geometry.copy_out(copy, dx);
                } else {
                    dx.fill(0.0);
                    add_sample(self.level, self, shared, dy, dx);
                }
            }
        });
    }
}

dispatch! {
    fn pack_strip(strip: Strip, w: &[f32], stride: usize, column: usize, target: &mut [f32]) => pack_strip_generic
}

#[inline(always)]
fn pack_strip_generic<V: Simd>(
    strip: Strip,
    w: &[f32],
    stride: usize,
    column: usize,
    target: &mut [f32],
) {
    let matrix = Matrix {
        start: w.as_ptr(),
        stride,
        transposed: true,
    };
    let width = 2 * V::LANES;
    let depth = target.len() / width;
    assert!(column + depth <= stride && (strip.tap + strip.len) * stride <= w.len());
    // SAFETY: the assertion above, for `w`; `target` has `depth` rows of `width` floats, as `depth` was taken from it.
    unsafe {
        let to = target.as_mut_ptr();
        pack_columns::<V>(matrix, (column, strip.tap), depth, strip.len, width, to);
    }
}

dispatch! {
    /// Adds the gradients of all positions of a sample to its image, with border.
    fn add_sample(plan: &Conv2dGradInput, packed: &[f32], dy: &[f32], dx: &mut [f32]) => add_sample_generic
}

#[inline(always)]
fn add_sample_generic<V: Simd>(plan: &Conv2dGradInput, packed: &[f32], dy: &[f32], dx: &mut [f32]) {
    let shape = &plan.geometry.shape;
    let whole = !plan.copied;
    assert!(
        dx.len()
            >= if whole {
                plan.geometry.image
            } else {
                plan.geometry.copy_len()
            }
    );
    assert!(dy.len() == plan.geometry.bases.len() * shape.filters);
    let (channels, filters) = (shape.channels / shape.groups, shape.filters / shape.groups);
    for (index, packed) in packed.chunks_exact(plan.panel().max(1)).enumerate() {
        let (group, strip) = (
            index / plan.strips.len(),
            plan.strips[index % plan.strips.len()],
        );
        let tiles = Tiles {
            panel: packed.as_ptr(),
            dy: dy[group * filters..].as_ptr(),
            stride: shape.filters,
            depth: filters,
            dx: dx[group * channels + strip.offset..].as_mut_ptr(),
        };
        let mut done = 0;
        while done < plan.geometry.bases.len() {
            // SAFETY: by `Geometry::new` a run at any position lies within `image` floats, and whole vectors that pass its end
            // within the slack of a copy, which `dx` has where there is such a run, as `dy` has a row for each position: see
            // the assertions above.
            done += unsafe { tiles.next::<V>(&plan.geometry.bases, done, strip.len) };
        }
    }
}

struct Tiles {
    panel: *const f32,
    dy: *const f32,
    stride: usize,
    depth: usize,
    dx: *mut f32,
}

impl Tiles {
    /// Adds a tile of positions from `done` and returns how many.
    ///
    /// # Safety
    /// The positions lie within `dy` and `dx`.
    #[inline(always)]
    unsafe fn next<V: Simd>(&self, bases: &[u32], done: usize, len: usize) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            match (V::TILE_ROWS, bases.len() - done) {
                (12, 12..) => self.both::<V, 12>(bases, done, len),
                (12, 8..) => self.both::<V, 8>(bases, done, len),
                (6, 6..) => self.both::<V, 6>(bases, done, len),
                (_, 4..) => self.both::<V, 4>(bases, done, len),
                (_, 2..) => self.both::<V, 2>(bases, done, len),
                _ => self.both::<V, 1>(bases, done, len),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn both<V: Simd, const ROWS: usize>(
        &self,
        bases: &[u32],
        done: usize,
        len: usize,
    ) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            if len > V::LANES {
                self.tile::<V, ROWS, 2>(bases, done);
            } else {
                self.tile::<V, ROWS, 1>(bases, done);
            }
        }
        ROWS
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        bases: &[u32],
        done: usize,
    ) {
        let mut rows = [self.dy; ROWS];
        for (row, pointer) in rows.iter_mut().enumerate() {
            *pointer = pointer.wrapping_add((done + row) * self.stride);
        }
        let run = Run {
            offset: 0,
            len: self.depth,
        };
        let zeros = [[V::zero(); VECTORS]; ROWS];
        // SAFETY: as the caller vouches.
        unsafe {
            let width = 2 * V::LANES;
            let runs = std::iter::once(run);
            let sums = multiply_runs::<V, ROWS, VECTORS>(rows, runs, 1, self.panel, width, zeros);
            // One position after the other: neighbours overlap.
            for (sums, &base) in sums.iter().zip(&bases[done..]) {
                for (vector, &sum) in sums.iter().enumerate() {
                    let to = self.dx.add(base as usize + vector * V::LANES);
                    (V::load(to) + sum).store(to);
                }
            }
        }
    }
}
