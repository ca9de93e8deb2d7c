//! Matrix product with bias and activation, cut into pieces by shape alone.

use crate::{
    ALIGNMENT, Activation, Level, Workers, level::dispatch, simd::Simd, sizes::floats,
    workers::Parts,
};
use block::{Beside, Block, multiply_block};
use pack::Matrix;
pub use precision::{Precision, UnknownPrecision};
pub use row_norm::RowNorm;
use tiles::Splits;

pub(crate) mod block;
pub(crate) mod pack;
mod precision;
mod row_norm;
pub(crate) mod tile;
#[cfg_attr(not(target_arch = "x86_64"), path = "gemm/no_tiles.rs")]
mod tiles;

/// The shape of `c = a · b`, with `a` of m × k and `b` of k × n, both row-major.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MatMulShape {
    /// Rows of `c`.
    pub m: usize,
    /// Columns of `c`.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// `a` is stored as k × m.
    pub transpose_a: bool,
    /// `b` is stored as n × k.
    pub transpose_b: bool,
}

impl MatMulShape {
    /// The same shape, if its sizes fit memory: then no product of them wraps, not that of all three.
    fn checked(self) -> Self {
        let Self { m, n, k, .. } = self;
        for sides in [[m, k], [k, n], [m, n]] {
            floats(sides);
        }
        self
    }
}

/// What is applied to the sums: `c = activation(sums + bias + (c if accumulate))`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue {
    /// One float a column is added.
    pub bias: bool,
    /// Applied last.
    pub activation: Activation,
    /// What the output held is added.
    pub accumulate: bool,
}

/// A matrix of the output's shape that takes part in a product's end.
#[derive(Debug, Default)]
pub enum Companion<'a> {
    /// There is none.
    #[default]
    None,
    /// Gets the sums with their bias, as they are before the activation.
    Sums(&'a mut [f32]),
    /// Is added after the activation.
    Added(&'a [f32]),
    /// What the epilogue's activation read (GELU, SiLU) or gave (all others) elsewhere: sums are multiplied by its slope
    /// there, which makes a gradient of them, and the activation is not applied.
    Slope(&'a [f32]),
}

impl Companion<'_> {
    fn parts(&mut self) -> (Beside, Option<usize>) {
        match self {
            Self::None => (Beside::Nothing, None),
            Self::Sums(sums) => (Beside::Sums(sums.as_mut_ptr()), Some(sums.len())),
            Self::Added(added) => (Beside::Added(added.as_ptr()), Some(added.len())),
            Self::Slope(kept) => (Beside::Slope(kept.as_ptr()), Some(kept.len())),
        }
    }
}

/// What a product takes besides its factors.
#[derive(Debug, Default)]
pub struct Extras<'a> {
    /// One float a column, where the epilogue has a bias.
    pub bias: Option<&'a [f32]>,
    /// A matrix beside the output.
    pub companion: Companion<'a>,
    /// Normalises the rows of `a` before they are multiplied, where [`MatMul::normalises`].
    pub norm: Option<RowNorm<'a>>,
}

/// Multiply-adds below which a product is not worth sharing.
const WORTH_SHARING: usize = 1 << 18;
/// Floats of `b` from which on even a product with a single row is worth sharing.
const WORTH_SHARING_READS: usize = 1 << 16;
/// Pieces aimed at.
const PIECES: usize = 8;
/// Shortest chunk of a depth that is shared.
const CHUNK: usize = 400;

/// A matrix product of one shape.
#[derive(Clone, Debug)]
pub struct MatMul {
    level: Level,
    shape: MatMulShape,
    epilogue: Epilogue,
    /// On AMX tiles, where they pay.
    tiles: Option<Splits>,
    cut: Cut,
}

/// The size of a piece, and with it the grid of pieces.
#[derive(Clone, Copy, Debug)]
struct Cut {
    rows: usize,
    columns: usize,
    depth: usize,
}

impl Cut {
    fn new(level: Level, shape: MatMulShape) -> Self {
        let MatMulShape { m, n, k, .. } = shape;
        let (height, width) = (level.tile_rows(), 2 * level.lanes());
        let mut cut = Cut {
            rows: m.max(1),
            columns: n.max(1),
            depth: k.max(1),
        };
        if m * n * k < WORTH_SHARING && n * k < WORTH_SHARING_READS {
            return cut;
        }
        let (by_rows, by_columns) = if m >= 2 * n {
            (PIECES, 1)
        } else if n >= 2 * m || m < 8 * height {
            (1, PIECES)
        } else {
            (PIECES / 4, PIECES / 2)
        };
        cut.columns = share(n, width, by_columns);
        cut.rows = share(m, height, by_rows).min(32 * height);
        let grid = n.div_ceil(cut.columns) * m.div_ceil(cut.rows);
        if (1..PIECES / 2).contains(&grid) {
            let chunks = (PIECES / grid).min(k / CHUNK).max(1);
            cut.depth = k.div_ceil(chunks).next_multiple_of(16);
        }
        cut
    }

    fn grid(&self, shape: &MatMulShape) -> [usize; 3] {
        [
            shape.m.div_ceil(self.rows),
            shape.n.div_ceil(self.columns),
            shape.k.div_ceil(self.depth).max(1),
        ]
    }
}

/// A share of `length` among `parts`, a multiple of `unit`.
fn share(length: usize, unit: usize, parts: usize) -> usize {
    length.div_ceil(parts).next_multiple_of(unit).max(unit)
}

impl MatMul {
    /// Plans the product at a level.
    ///
    /// # Panics
    /// Where a matrix has more than [`MOST_FLOATS`](crate::MOST_FLOATS), or the processor lacks the level; so do the others.
    pub fn new(level: Level, shape: MatMulShape, epilogue: Epilogue) -> Self {
        Self::with_precision(level, shape, epilogue, Precision::Highest)
    }

    /// Plans the product with a precision.
    pub fn with_precision(
        level: Level,
        shape: MatMulShape,
        epilogue: Epilogue,
        precision: Precision,
    ) -> Self {
        let tiles = tiles::plan(shape.checked(), precision, false);
        Self::planned(level, shape, epilogue, tiles)
    }

    /// Plans a product whose `b` stays the same for many runs. If [`Self::prepared`] is not zero, a run wants `b` as
    /// [`Self::prepare`] leaves it.
    pub fn with_constant_b(level: Level, shape: MatMulShape, epilogue: Epilogue) -> Self {
        let tiles = tiles::plan(shape.checked(), Precision::Highest, true);
        Self::planned(level, shape, epilogue, tiles)
    }

    fn planned(
        level: Level,
        shape: MatMulShape,
        epilogue: Epilogue,
        tiles: Option<(Cut, Splits)>,
    ) -> Self {
        level.require();
        let tiles = tiles.filter(|_| level == Level::Amx);
        Self {
            level,
            shape,
            epilogue,
            tiles: tiles.map(|(_, splits)| splits),
            cut: tiles.map_or_else(|| Cut::new(level, shape), |(cut, _)| cut),
        }
    }

    /// Floats of a prepared `b`, which depend on its shape alone; 0 if a run wants `b` as it is.
    pub fn prepared(&self) -> usize {
        self.tiles.map_or(0, |splits| splits.prepared(self.shape))
    }

    /// Brings `b` into the form in which a run wants it, which depends on its shape alone.
    ///
    /// # Panics
    /// Where `b` has another length than the shape says, or the target than [`Self::prepared`].
    pub fn prepare(&self, b: &[f32], target: &mut [f32]) {
        assert_eq!(b.len(), self.shape.k * self.shape.n, "b to be prepared");
        assert_eq!(target.len(), self.prepared(), "room for a prepared b");
        assert!(
            target.as_ptr().addr().is_multiple_of(ALIGNMENT),
            "place of a prepared b"
        );
        if !target.is_empty() {
            // SAFETY: the assertions above have measured both, and `planned` requires the processor to have tiles.
            unsafe { tiles::split_b(self.factors(b, b)[1], self.shape, target) }
        }
    }

    /// Floats of temporary memory each worker needs.
    pub fn scratch(&self) -> usize {
        if let Some(splits) = self.tiles {
            return splits.scratch(self.cut);
        }
        let columns = self.cut.columns.min(self.shape.n);
        block::scratch(self.level, self.cut.rows.min(self.shape.m), columns)
    }

    /// Floats of the shared temporary.
    pub fn shared(&self) -> usize {
        let [.., chunks] = self.cut.grid(&self.shape);
        if chunks > 1 {
            chunks * self.shape.m * self.shape.n
        } else {
            self.tiles.map_or(0, |splits| splits.shared(self.shape))
        }
    }

    /// Whether a run can normalise the rows of `a` by itself: on tiles, before they are split, if `b` is ready.
    pub fn normalises(&self) -> bool {
        let whole = self.cut.depth >= self.shape.k && !self.shape.transpose_a;
        whole && self.tiles.is_some_and(|splits| splits.normalises(self.cut))
    }

    /// Computes `c` from `a`, `b` and, where the epilogue has one, `bias` (n).
    ///
    /// # Panics
    /// Where a slice has another length than the shape says, or a temporary is too short or, on tiles, not aligned.
    pub fn run(
        &self,
        workers: &Workers,
        a: &[f32],
        b: &[f32],
        bias: Option<&[f32]>,
        c: &mut [f32],
        shared: &mut [f32],
    ) {
        let extras = Extras {
            bias,
            ..Extras::default()
        };
        self.run_with(workers, [a, b], extras, c, shared);
    }

    /// As [`Self::run`], with more than a bias.
    ///
    /// # Panics
    /// As [`Self::run`]; where the companion has another length than `c`; and where rows are to be normalised, but this is
    /// no product that [normalises](Self::normalises) them, or has not `k` columns of them.
    pub fn run_with(
        &self,
        workers: &Workers,
        [a, b]: [&[f32]; 2],
        extras: Extras,
        c: &mut [f32],
        shared: &mut [f32],
    ) {
        let Extras {
            bias,
            mut companion,
            norm,
        } = extras;
        let (beside, len) = companion.parts();
        assert!(
            len.is_none_or(|len| len == c.len()),
            "companion of a matrix product {:?}",
            self.shape
        );
        let MatMulShape { m, n, k, .. } = self.shape;
        assert_eq!(a.len(), m * k, "a of a matrix product {:?}", self.shape);
        let b_len = match self.prepared() {
            0 => k * n,
            prepared => prepared,
        };
        assert_eq!(b.len(), b_len, "b of a matrix product {:?}", self.shape);
        assert_eq!(c.len(), m * n, "c of a matrix product {:?}", self.shape);
        assert_eq!(
            bias.is_some(),
            self.epilogue.bias,
            "bias of a matrix product"
        );
        assert!(
            bias.is_none_or(|bias| bias.len() == n),
            "bias of a matrix product"
        );
        assert!(
            norm.is_none_or(|norm| self.normalises() && norm.fits(k)),
            "normalised rows of a matrix product"
        );
        assert!(
            workers.scratch() >= self.scratch(),
            "scratch of a matrix product"
        );
        assert!(
            shared.len() >= self.shared(),
            "shared memory of a matrix product"
        );
        let holds_parts = |splits: Splits| splits.shared(self.shape) > 0;
        assert!(
            !self.tiles.is_some_and(holds_parts)
                || shared.as_ptr().addr().is_multiple_of(ALIGNMENT),
            "place of the shared memory of a matrix product"
        );
        let bias = bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
        let [.., chunks] = self.cut.grid(&self.shape);
        let factors = self.factors(a, b);
        let split = |splits: Splits| splits.split(workers, factors, norm, self.shape, shared);
        let split = self.tiles.map(split);
        if chunks == 1 {
            let call = Call {
                factors,
                norm,
                split,
                bias,
                beside,
                epilogue: self.epilogue,
            };
            return self.run_grid(workers, &call, c);
        }
        let call = Call {
            factors,
            norm: None,
            split,
            bias: std::ptr::null(),
            beside: Beside::Nothing,
            epilogue: Epilogue::default(),
        };
        self.run_grid(workers, &call, shared);
        self.sum_chunks(workers, chunks, shared, bias, c, beside);
    }

    fn factors(&self, a: &[f32], b: &[f32]) -> [Matrix; 2] {
        let MatMulShape {
            m,
            n,
            k,
            transpose_a,
            transpose_b,
        } = self.shape;
        [
            Matrix {
                start: a.as_ptr(),
                stride: if transpose_a { m } else { k },
                transposed: transpose_a,
            },
            Matrix {
                start: b.as_ptr(),
                stride: if transpose_b { k } else { n },
                transposed: transpose_b,
            },
        ]
    }

    /// Each chunk of the depth has an output of its own, one after the other in `target`.
    fn run_grid(&self, workers: &Workers, call: &Call, target: &mut [f32]) {
        let shape = self.shape;
        let cut = self.tiles.map_or(self.cut, |splits| {
            splits.cut(self.cut, shape, workers.threads())
        });
        let [by_rows, by_columns, chunks] = cut.grid(&shape);
        let parts = Parts::new(target);
        workers.run(by_rows * by_columns * chunks, &|piece, scratch| {
            let (chunk, tile) = (
                piece / (by_rows * by_columns),
                piece % (by_rows * by_columns),
            );
            let row = tile / by_columns * cut.rows;
            let column = tile % by_columns * cut.columns;
            let step = chunk * cut.depth;
            let block = Block {
                a: call.factors[0],
                b: call.factors[1],
                bias: call.bias,
                c: parts.pointer().wrapping_add(chunk * shape.m * shape.n),
                c_stride: shape.n,
                rows: (row, cut.rows.min(shape.m - row)),
                columns: (column, cut.columns.min(shape.n - column)),
                depth: (step, cut.depth.min(shape.k - step)),
                activation: call.epilogue.activation,
                accumulate: call.epilogue.accumulate,
                beside: call.beside,
            };
            if let (Some(splits), Some(split)) = (self.tiles, call.split) {
                // SAFETY: `planned` requires the processor to have tiles; the block lies within the matrices that `run_with` has
                // measured, as it has the scratch.
                unsafe { tiles::multiply_block(splits, &block, split, call.norm, shape, scratch) }
            } else {
                multiply_block(self.level, &block, scratch);
            }
        });
    }

    fn sum_chunks(
        &self,
        workers: &Workers,
        chunks: usize,
        partial: &[f32],
        bias: *const f32,
        c: &mut [f32],
        beside: Beside,
    ) {
        let MatMulShape { m, n, .. } = self.shape;
        let rows = share(m, 1, (m * n * chunks).div_ceil(1 << 13).min(PIECES));
        let parts = Parts::new(c);
        let ends = Ends { bias, beside };
        workers.run(m.div_ceil(rows), &|piece, _| {
            let ends = &ends;
            let start = piece * rows * n;
            let len = (rows * n).min(m * n - start);
            // SAFETY: pieces are disjoint ranges of rows, which `part` finds within `c`.
            let c = unsafe { parts.part(start, len) };
            sum_rows(self.level, partial, m * n, start, ends, n, self.epilogue, c);
        });
    }
}

struct Call<'a> {
    factors: [Matrix; 2],
    norm: Option<RowNorm<'a>>,
    /// Parts of whole factors, or null; where tiles multiply.
    split: Option<[*const f32; 2]>,
    bias: *const f32,
    beside: Beside,
    epilogue: Epilogue,
}

// SAFETY: the pointers come from slices that outlive the run; what is written is each piece's own part.
unsafe impl Sync for Call<'_> {}

struct Ends {
    bias: *const f32,
    beside: Beside,
}

// SAFETY: as for `Call`.
unsafe impl Sync for Ends {}

dispatch! {
    /// Sums the chunks' outputs in order and applies the epilogue to rows of `n` from `start`.
    fn sum_rows(partial: &[f32], stride: usize, start: usize, ends: &Ends, n: usize, epilogue: Epilogue, c: &mut [f32])
        => sum_rows_generic
}

#[inline(always)]
fn sum_rows_generic<V: Simd>(
    partial: &[f32],
    stride: usize,
    start: usize,
    ends: &Ends,
    n: usize,
    epilogue: Epilogue,
    c: &mut [f32],
) {
    for (row, c) in c.chunks_exact_mut(n).enumerate() {
        for column in (0..n).step_by(V::LANES) {
            let count = (n - column).min(V::LANES);
            let from = start + row * n + column;
            let mut sum = V::from_slice(&partial[from..from + count]);
            for chunk in partial[stride..].chunks_exact(stride) {
                sum = sum + V::from_slice(&chunk[from..from + count]);
            }
            if !ends.bias.is_null() {
                // SAFETY: the bias has `n` floats, as `run_with` has checked.
                sum = sum + unsafe { V::load_partial(ends.bias.add(column), count) };
            }
            let c = &mut c[column..column + count];
            if epilogue.accumulate {
                sum = sum + V::from_slice(c);
            }
            // SAFETY: what is beside `c` is as long as it, as `run_with` has checked, and these floats are this piece's own.
            let other = unsafe {
                match ends.beside {
                    Beside::Nothing => V::zero(),
                    Beside::Sums(sums) => {
                        sum.store_partial(sums.add(from), count);
                        sum
                    }
                    Beside::Added(other) | Beside::Slope(other) => {
                        V::load_partial(other.add(from), count)
                    }
                }
            };
            epilogue
                .activation
                .finish(sum, other, ends.beside)
                .to_slice(c);
        }
    }
}
