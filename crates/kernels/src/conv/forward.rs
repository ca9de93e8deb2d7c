//! Convolution with bias and activation.

use super::{ConvShape, Geometry, PIECES, winograd::Winograd};
use crate::{
    Activation, Epilogue, Level, Workers,
    gemm::{
        pack::{Matrix, pack_columns},
        tile::{Finish, multiply_runs, store},
    },
    level::dispatch,
    simd::Simd,
    workers::Parts,
};

/// Packed filters: panels of two vectors of filters, group after group.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    taps: usize,
    width: usize,
    groups: usize,
    group_filters: usize,
}

impl Panels {
    pub(crate) fn new(level: Level, shape: &ConvShape) -> Self {
        Self {
            taps: shape.taps(),
            width: 2 * level.lanes(),
            groups: shape.groups,
            group_filters: shape.filters / shape.groups,
        }
    }

    pub(crate) fn per_group(&self) -> usize {
        self.group_filters.div_ceil(self.width)
    }

    /// Floats of all panels.
    pub(crate) fn len(&self) -> usize {
        self.groups * self.per_group() * self.panel()
    }

    pub(crate) fn panel(&self) -> usize {
        self.taps * self.width
    }

    /// First filter within its group, and number of filters, of a panel of a group.
    pub(crate) fn filters(&self, panel: usize) -> (usize, usize) {
        let first = panel * self.width;
        (first, self.width.min(self.group_filters - first))
    }

    /// The panels, packed unless the filters already lie in that order.
    pub(crate) fn prepare<'a>(
        &self,
        level: Level,
        workers: &Workers,
        filters: &'a [f32],
        packed: &'a mut [f32],
    ) -> &'a [f32] {
        if self.groups == 1 && self.group_filters == self.width {
            return filters;
        }
        self.pack(level, workers, filters, packed);
        packed
    }

    fn pack(&self, level: Level, workers: &Workers, filters: &[f32], packed: &mut [f32]) {
        let stride = self.groups * self.group_filters;
        let parts = Parts::new(packed);
        workers.run(self.groups * self.per_group(), &|piece, _| {
            let (group, panel) = (piece / self.per_group(), piece % self.per_group());
            let (first, count) = self.filters(panel);
            // SAFETY: each piece packs a panel of its own, which `part` finds within `packed`.
            let packed = unsafe { parts.part(piece * self.panel(), self.panel()) };
            let column = group * self.group_filters + first;
            pack_panel(level, filters, stride, column, count, packed);
        });
    }
}

dispatch! {
    fn pack_panel(filters: &[f32], stride: usize, column: usize, count: usize, packed: &mut [f32]) => pack_panel_generic
}

#[inline(always)]
fn pack_panel_generic<V: Simd>(
    filters: &[f32],
    stride: usize,
    column: usize,
    count: usize,
    packed: &mut [f32],
) {
    let matrix = Matrix {
        start: filters.as_ptr(),
        stride,
        transposed: false,
    };
    let (width, depth) = (2 * V::LANES, filters.len() / stride);
    assert!(packed.len() == width * depth && column + count <= stride);
    // SAFETY: the assertion above: `depth` rows of `stride` floats are what `filters` has, and `packed` holds as many.
    unsafe {
        pack_columns::<V>(
            matrix,
            (0, column),
            depth,
            count,
            width,
            packed.as_mut_ptr(),
        )
    }
}

/// `y = activation(x * w + bias)`, with `*` the convolution. Filters of 3 × 3 with stride 1 go through
/// Winograd's transforms where there are channels and positions enough.
#[derive(Clone, Debug)]
pub struct Conv2dForward {
    level: Level,
    geometry: Geometry,
    panels: Panels,
    epilogue: Epilogue,
    winograd: Option<Winograd>,
}

impl Conv2dForward {
    /// Plans the convolution of one shape.
    ///
    /// # Panics
    /// Where the sizes do not fit one another, an image with its border has 2³² floats or more, a filter has more than 2²⁸
    /// positions in it, 2²⁸ taps or 2²⁴ rows times columns, or there are more than [`MOST_FLOATS`](crate::MOST_FLOATS) of
    /// anything; so do the other convolutions.
    pub fn new(level: Level, shape: ConvShape, epilogue: Epilogue) -> Self {
        Self {
            level,
            geometry: Geometry::new(shape),
            panels: Panels::new(level, &shape),
            epilogue,
            winograd: Winograd::forward(level, shape, epilogue),
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        if let Some(winograd) = &self.winograd {
            winograd.scratch()
        } else if self.geometry.padded() {
            self.geometry.copy_len()
        } else {
            0
        }
    }

    /// Floats of the shared temporary.
    pub fn shared(&self) -> usize {
        self.winograd
            .as_ref()
            .map_or(self.panels.len(), Winograd::shared)
    }

    /// Parts of the positions of a sample, so that a few samples occupy several threads.
    fn parts(&self) -> (usize, usize) {
        let positions = self.geometry.bases.len();
        let parts = if self.geometry.shape.batch < PIECES {
            PIECES.div_ceil(self.geometry.shape.batch.max(1))
        } else {
            1
        };
        let size = positions.div_ceil(parts).next_multiple_of(24).max(24);
        (positions.div_ceil(size), size)
    }

    /// Computes `y` (batch × out height × out width × filters) from the images `x`, the filters `w`
    /// and, where the epilogue has one, `bias` (filters).
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short.
    pub fn run(
        &self,
        workers: &Workers,
        x: &[f32],
        w: &[f32],
        bias: Option<&[f32]>,
        y: &mut [f32],
        shared: &mut [f32],
    ) {
        let shape = self.geometry.shape;
        assert_eq!(x.len(), shape.input_len(), "images of {shape:?}");
        assert_eq!(w.len(), shape.filter_len(), "filters of {shape:?}");
        assert_eq!(y.len(), shape.output_len(), "result of {shape:?}");
        assert_eq!(bias.is_some(), self.epilogue.bias, "bias of {shape:?}");
        assert!(
            bias.is_none_or(|bias| bias.len() == shape.filters),
            "bias of {shape:?}"
        );
        assert!(workers.scratch() >= self.scratch(), "scratch of {shape:?}");
        let shared = &mut shared[..self.shared()];
        match &self.winograd {
            Some(winograd) => winograd.run(workers, x, w, bias, y, shared),
            None => self.run_direct(workers, x, w, bias, y, shared),
        }
    }

    fn run_direct(
        &self,
        workers: &Workers,
        x: &[f32],
        w: &[f32],
        bias: Option<&[f32]>,
        y: &mut [f32],
        shared: &mut [f32],
    ) {
        let shape = self.geometry.shape;
        let packed = self.panels.prepare(self.level, workers, w, shared);
        let (parts, part) = self.parts();
        let per_piece = if parts > 1 {
            1
        } else {
            self.geometry.samples_per_piece()
        };
        let (positions, sample) = (self.geometry.bases.len(), self.geometry.sample());
        let output = Parts::new(y);
        workers.run(
            shape.batch.div_ceil(per_piece) * parts,
            &|piece, scratch| {
                let first = piece / parts * per_piece;
                for index in first..(first + per_piece).min(shape.batch) {
                    let start = piece % parts * part;
                    let count = part.min(positions - start);
                    // SAFETY: pieces are disjoint ranges of positions, which `part` finds within `y`.
                    let y = unsafe {
                        let from = (index * positions + start) * shape.filters;
                        output.part(from, count * shape.filters)
                    };
                    let x = &x[index * sample..(index + 1) * sample];
                    let x = if self.geometry.padded() {
                        self.geometry.copy_in(x, scratch);
                        &*scratch
                    } else {
                        x
                    };
                    let positions = &self.geometry.bases[start..start + count];
                    convolve(self.level, self, positions, x, packed, bias, y);
                }
            },
        );
    }
}

dispatch! {
    /// Computes positions of one image from packed filters.
    fn convolve(plan: &Conv2dForward, positions: &[u32], x: &[f32], packed: &[f32], bias: Option<&[f32]>, y: &mut [f32])
        => convolve_generic
}

#[inline(always)]
fn convolve_generic<V: Simd>(
    plan: &Conv2dForward,
    positions: &[u32],
    x: &[f32],
    packed: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let (panels, shape, epilogue) = (&plan.panels, &plan.geometry.shape, plan.epilogue);
    assert!(x.len() >= plan.geometry.image && packed.len() == panels.len());
    assert!(y.len() == positions.len() * shape.filters);
    assert!(bias.is_none_or(|bias| bias.len() == shape.filters));
    for group in 0..shape.groups {
        let channel = group * (shape.channels / shape.groups);
        for panel in 0..panels.per_group() {
            let (first, count) = panels.filters(panel);
            let filter = group * panels.group_filters + first;
            let tiles = Tiles {
                plan,
                x: x[channel..].as_ptr(),
                panel: packed[(group * panels.per_group() + panel) * panels.panel()..].as_ptr(),
                count,
                finish: Finish {
                    add: epilogue.accumulate,
                    bias: bias.map_or(std::ptr::null(), |bias| bias[filter..].as_ptr()),
                    relu: epilogue.activation == Activation::Relu,
                },
            };
            let mut done = 0;
            while done < positions.len() {
                let to = y[done * shape.filters + filter..].as_mut_ptr();
                // SAFETY: by `Geometry::new` filters at these positions stay within `image` floats, which `x` has; `y` has a row
                // for each position, and panels and bias the filters, by the assertions above.
                done += unsafe { tiles.next::<V>(&positions[done..], to) };
            }
        }
    }
    apply_activation::<V>(epilogue.activation, y);
}

/// Applies an activation that finished sums have not had on their way to memory.
#[inline(always)]
pub(super) fn apply_activation<V: Simd>(activation: Activation, y: &mut [f32]) {
    if !matches!(activation, Activation::None | Activation::Relu) {
        for part in y.chunks_mut(V::LANES) {
            activation.apply(V::from_slice(part)).to_slice(part);
        }
    }
}

/// The tiles of one panel of filters.
struct Tiles<'a> {
    plan: &'a Conv2dForward,
    x: *const f32,
    panel: *const f32,
    count: usize,
    finish: Finish,
}

impl Tiles<'_> {
    /// Computes a tile of the first positions and returns how many.
    ///
    /// # Safety
    /// The positions lie within the image at `x`; `y` holds as many rows of the result.
    #[inline(always)]
    unsafe fn next<V: Simd>(&self, positions: &[u32], y: *mut f32) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            match (V::TILE_ROWS, positions.len()) {
                (12, 12..) => self.both::<V, 12>(positions, y),
                (12, 8..) => self.both::<V, 8>(positions, y),
                (6, 6..) => self.both::<V, 6>(positions, y),
                (_, 4..) => self.both::<V, 4>(positions, y),
                (_, 2..) => self.both::<V, 2>(positions, y),
                _ => self.both::<V, 1>(positions, y),
            }
        }
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn both<V: Simd, const ROWS: usize>(&self, positions: &[u32], y: *mut f32) -> usize {
        // SAFETY: as the caller vouches.
        unsafe {
            if self.count > V::LANES {
                self.tile::<V, ROWS, 2>(positions, y);
            } else {
                self.tile::<V, ROWS, 1>(positions, y);
            }
        }
        ROWS
    }

    /// # Safety
    /// As for `next`.
    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        positions: &[u32],
        y: *mut f32,
    ) {
        let mut rows = [self.x; ROWS];
        for (row, &position) in rows.iter_mut().zip(positions) {
            *row = row.wrapping_add(position as usize);
        }
        let runs = self.plan.geometry.runs.iter().copied();
        let zeros = [[V::zero(); VECTORS]; ROWS];
        // SAFETY: as the caller vouches; panels are two vectors wide.
        unsafe {
            let sums =
                multiply_runs::<V, ROWS, VECTORS>(rows, runs, 1, self.panel, 2 * V::LANES, zeros);
            let tail = self.count - (VECTORS - 1) * V::LANES;
            store(sums, y, self.plan.geometry.shape.filters, tail, self.finish);
        }
    }
}
