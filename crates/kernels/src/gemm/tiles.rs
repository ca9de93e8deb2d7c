//! Matrix products on AMX tiles: each factor is split into its parts once, then groups of 32 rows meet groups of 32 columns.

use super::{Block, Cut, MatMulShape, Precision, RowNorm};
use crate::{
    Level, Workers,
    amx::{
        EXACT, GROUP, SHORT,
        parts::{self, Splitting},
        product::SUMS,
    },
    gemm::pack::Matrix,
    workers::Parts,
};
use piece::multiply_parts;

mod piece;

/// Most steps of the depth between two visits to `c`.
const DEPTH: usize = 384;
/// Pieces of the depth, and of that of a product with few rows.
const PIECES: usize = 8;
const LOW_PIECES: usize = 2;
/// Pieces of the rows or of the columns: few, as each reads all of the other factor. Pieces do not change sums, so
/// [`Splits::cut`] makes more of them where there are more threads.
const ROW_PIECES: usize = 4;
const COLUMN_PIECES: usize = 2;
/// Rows of a piece whose parts, over `DEPTH`, leave room in the second-level cache.
const ROWS: usize = 256;
/// Columns of a piece at most.
const COLUMNS: usize = 1024;
/// Pieces that split all of a large factor, each for itself in the shade of its products, sooner than threads can write its
/// parts and read what others wrote.
const FEW: usize = 4;
/// Floats of such a factor, and that they split together at most.
const LARGE: usize = 1 << 18;
const REPEATED: usize = 7 << 19;
/// Floats of a factor that any number of pieces split, or of sums that each piece has for itself.
const SMALL: usize = 1 << 14;
/// Shortest side of a product that tiles are filled by.
const SIDE: usize = 16;

/// Who splits a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Each piece, its part.
    Piece,
    /// All threads, before pieces begin.
    All,
    /// The caller, with [`split_b`].
    Caller,
}

/// Who splits `a`, and who `b`, and into how many parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splits {
    by: [By; 2],
    parts: usize,
}

/// How to share out a product, unless splitting its factors costs more than tiles save. A `ready` `b` is split already.
pub(super) fn plan(shape: MatMulShape, precision: Precision, ready: bool) -> Option<(Cut, Splits)> {
    let MatMulShape { m, n, k, .. } = shape;
    let (parts, multiplying, splitting) = match precision {
        Precision::Highest => (EXACT, 4, 170),
        Precision::High => (SHORT, 2, 120),
    };
    let padded = |length: usize| length.next_multiple_of(GROUP);
    let columns = if ready { 0 } else { k * n };
    // Picoseconds on a processor of 2023.
    let tiles = multiplying * padded(m) * padded(n) * padded(k)
        + splitting * (m * k + columns)
        + 200 * m * n;
    if m < SIDE || n < SIDE || tiles >= 13 * m * n * k {
        return None;
    }
    let whole = Cut {
        rows: m,
        columns: n,
        depth: k,
    };
    let b = if ready { By::Caller } else { By::Piece };
    let deep = 2 * PIECES * m * n <= (m + n) * k;
    // Few rows: columns alone are left to share out, and each piece would split all rows, half of them from afar.
    let low = ready && m < n && 4 * n <= k && m * n <= SMALL;
    // Reading all of a small `b` costs less than splitting all rows twice.
    let small = ready && m >= 2 * GROUP && k * n <= SMALL;
    let (cut, by) = if deep || low {
        let depth = share(k, if deep { PIECES } else { LOW_PIECES });
        (Cut { depth, ..whole }, [By::Piece, b])
    } else if m >= n || small {
        let rows = share(m, ROW_PIECES);
        let rows = if rows > ROWS + ROWS / 2 { ROWS } else { rows };
        let b = if ready {
            b
        } else {
            By::of(n * k, m.div_ceil(rows))
        };
        (Cut { rows, ..whole }, [By::Piece, b])
    } else {
        let columns = share(n, COLUMN_PIECES).min(COLUMNS);
        let a = By::of(m * k, n.div_ceil(columns));
        (Cut { columns, ..whole }, [a, b])
    };
    Some((cut, Splits { by, parts }))
}

/// A part of a length for each of so many pieces.
fn share(length: usize, pieces: usize) -> usize {
    length.div_ceil(pieces).next_multiple_of(GROUP)
}

/// Splits a whole `b` for products that find it ready.
///
/// # Safety
/// `b` has k × n floats and the target [`Splits::prepared`], on a processor with tiles.
pub(super) unsafe fn split_b(b: Matrix, shape: MatMulShape, target: &mut [f32]) {
    // SAFETY: by the contract.
    unsafe {
        Splitting::<EXACT>::columns(b, (0, shape.n), (0, shape.k), target.as_mut_ptr()).run_all()
    }
}

impl By {
    /// Who splits a factor of so many floats that so many pieces read.
    fn of(factor: usize, pieces: usize) -> Self {
        let again = pieces <= FEW && factor > LARGE && pieces * factor <= REPEATED;
        if factor > SMALL && !again {
            Self::All
        } else {
            Self::Piece
        }
    }
}

impl Splits {
    /// The cut, with a piece for each thread at least.
    pub(super) fn cut(self, mut cut: Cut, shape: MatMulShape, threads: usize) -> Cut {
        let chunks = shape.k.div_ceil(cut.depth.max(1));
        if chunks > 1 || cut.columns < shape.n {
            cut.columns = cut.columns.min(share(shape.n, threads.div_ceil(chunks)));
        } else if cut.rows < shape.m {
            cut.rows = cut.rows.min(share(shape.m, threads));
        }
        cut
    }

    /// Floats that the parts of a factor take that all threads split.
    pub(super) fn shared(self, shape: MatMulShape) -> usize {
        match self.by {
            [By::All, _] => parts::floats(self.parts, shape.m, shape.k),
            [_, By::All] => parts::floats(self.parts, shape.n, shape.k),
            _ => 0,
        }
    }

    /// Floats that the parts of `b` take if the caller splits it.
    pub(super) fn prepared(self, shape: MatMulShape) -> usize {
        match self.by[1] {
            By::Caller => parts::floats(self.parts, shape.n, shape.k),
            By::Piece | By::All => 0,
        }
    }

    /// Floats of scratch for a piece.
    pub(super) fn scratch(self, cut: Cut) -> usize {
        let depth = cut.depth.min(DEPTH);
        let floats = |lines| parts::floats(self.parts, lines, depth);
        let [a, b] = self.by.map(|by| usize::from(by == By::Piece));
        let normal = usize::from(self.normalises(cut)) * GROUP * cut.depth;
        2 * SUMS + a * floats(cut.rows + GROUP) + b * 2 * floats(GROUP) + normal
    }

    /// Whether rows that are not cut can be normalised before they are split, which is then done once for all their depth.
    pub(super) fn normalises(self, cut: Cut) -> bool {
        self.by[1] == By::Caller && (self.by[0] == By::All || cut.depth <= DEPTH)
    }

    /// Splits what all threads split into `target` and returns where the parts of each factor lie.
    pub(super) fn split(
        self,
        workers: &Workers,
        factors: [Matrix; 2],
        norm: Option<RowNorm>,
        shape: MatMulShape,
        target: &mut [f32],
    ) -> [*const f32; 2] {
        let MatMulShape { m, n, k, .. } = shape;
        let ready = match self.by[1] {
            By::Caller => factors[1].start,
            _ => std::ptr::null(),
        };
        let columns = self.by[1] == By::All;
        let (lines, matrix) = match self.by {
            [By::All, _] => (m, factors[0]),
            [_, By::All] => (n, factors[1]),
            _ => return [std::ptr::null(), ready],
        };
        let stride = parts::floats(self.parts, GROUP, k);
        let groups = Parts::new(&mut target[..self.shared(shape)]);
        let call = Source(matrix);
        workers.run(lines.div_ceil(GROUP), &|group, scratch| {
            let (source, first) = (&call, group * GROUP);
            let mut lines = (first, GROUP.min(lines - first));
            let mut matrix = source.0;
            // SAFETY: groups are disjoint, and `part` finds them within the target, which `MatMul::run_with` found aligned; whoever
            // made a plan with tiles required the level, and `scratch` counts normal rows wherever `normalises` admits a norm.
            unsafe {
                if let Some(norm) = norm.filter(|_| !columns) {
                    matrix.start = scratch.as_ptr();
                    normalise(norm, source.0, lines, scratch.as_mut_ptr());
                    lines.0 = 0;
                }
                let to = groups.part(group * stride, stride).as_mut_ptr();
                if self.parts == EXACT {
                    let rows = Splitting::<EXACT>::rows(matrix, lines, (0, k), to);
                    Splitting { columns, ..rows }.run_all();
                } else {
                    let rows = Splitting::<SHORT>::rows(matrix, lines, (0, k), to);
                    Splitting { columns, ..rows }.run_all();
                }
            }
        });
        let parts = groups.pointer().cast_const();
        if columns {
            [std::ptr::null(), parts]
        } else {
            [parts, ready]
        }
    }
}

/// Normalises whole rows of a matrix into a target.
///
/// # Safety
/// The rows lie within the matrix, one behind another, and the target has room for them.
#[inline(never)]
unsafe fn normalise(norm: RowNorm, a: Matrix, (first, count): (usize, usize), target: *mut f32) {
    let len = count * a.stride;
    // SAFETY: by the contract.
    unsafe {
        let rows = std::slice::from_raw_parts(a.at(first, 0), len);
        norm.run(
            Level::Amx,
            rows,
            std::slice::from_raw_parts_mut(target, len),
        );
    }
}

struct Source(Matrix);

// SAFETY: the matrix is a slice that outlives the run and is only read.
unsafe impl Sync for Source {}

/// Computes a block of `c`. `split` are the parts of whole factors, or null.
///
/// # Safety
/// The block lies within its matrices, whose other pieces nobody else writes, on a processor with tiles.
pub(super) unsafe fn multiply_block(
    splits: Splits,
    block: &Block,
    split: [*const f32; 2],
    norm: Option<RowNorm>,
    shape: MatMulShape,
    scratch: &mut [f32],
) {
    // SAFETY: by the contract.
    unsafe {
        if splits.parts == EXACT {
            multiply_parts::<EXACT>(block, split, norm, shape, scratch);
        } else {
            multiply_parts::<SHORT>(block, split, norm, shape, scratch);
        }
    }
}
