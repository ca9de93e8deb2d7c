//! Functions of two elements, with broadcasting.

use crate::Workers;
use crate::chunks;
use crate::level::dispatch;
use crate::math::{exp, log};
use crate::simd::Simd;
use crate::sizes::floats;
use crate::workers::Parts;
use std::ops::Range;

/// A function of two elements; comparisons give 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `a + b`.
    Add,
    /// `a − b`.
    Subtract,
    /// `a · b`.
    Multiply,
    /// `a / b`.
    Divide,
    /// The larger; not a number if either is none.
    Maximum,
    /// The smaller; not a number if either is none.
    Minimum,
    /// `aᵇ`; the relative error grows with `|b · log a|`, to about 10⁻⁵ near overflow.
    Power,
    /// `a = b`.
    Equal,
    /// `a < b`.
    Less,
    /// `a ≤ b`.
    LessOrEqual,
    /// `a > b`.
    Greater,
    /// `a ≥ b`.
    GreaterOrEqual,
    /// `a ≠ b`.
    NotEqual,
}

/// How an operand fills the shape `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// It has `rows · columns` elements.
    Full,
    /// It has `columns` elements, the same in each row.
    Row,
    /// It has `rows` elements, the same in each column.
    Column,
    /// It has a row of `columns` elements for each group of so many rows.
    Groups(usize),
    /// It has one element.
    Scalar,
}

/// One side of a function of two elements.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The elements.
    pub values: &'a [f32],
    /// Which of them goes where.
    pub broadcast: Broadcast,
}

impl<'a> Operand<'a> {
    /// An operand of the full shape.
    pub fn full(values: &'a [f32]) -> Self {
        Self {
            values,
            broadcast: Broadcast::Full,
        }
    }

    /// An operand that is the same in each row.
    pub fn row(values: &'a [f32]) -> Self {
        Self {
            values,
            broadcast: Broadcast::Row,
        }
    }

    /// An operand that is the same in each column.
    pub fn column(values: &'a [f32]) -> Self {
        Self {
            values,
            broadcast: Broadcast::Column,
        }
    }

    /// One number.
    pub fn scalar(value: &'a [f32; 1]) -> Self {
        Self {
            values: value,
            broadcast: Broadcast::Scalar,
        }
    }

    fn check(&self, [rows, columns]: [usize; 2]) {
        let expected = match self.broadcast {
            Broadcast::Full => floats([rows, columns]),
            Broadcast::Row => columns,
            Broadcast::Column => rows,
            Broadcast::Groups(of) => floats([rows.checked_div(of).unwrap_or(0), columns]),
            Broadcast::Scalar => 1,
        };
        let broadcast = self.broadcast;
        assert_eq!(
            self.values.len(),
            expected,
            "{broadcast:?} operand of {rows} × {columns}"
        );
    }

    /// The elements of one row from `columns.start` on, and how far apart they are.
    #[inline(always)]
    fn row_at(&self, row: usize, width: usize, columns: &Range<usize>) -> (&'a [f32], bool) {
        match self.broadcast {
            Broadcast::Full => (&self.values[row * width..][columns.clone()], true),
            Broadcast::Row => (&self.values[columns.clone()], true),
            Broadcast::Column => (&self.values[row..=row], false),
            Broadcast::Groups(of) => (&self.values[row / of * width..][columns.clone()], true),
            Broadcast::Scalar => (&self.values[..1], false),
        }
    }
}

impl Binary {
    /// `y = f(a, b)` for `y` of shape `[rows, columns]`.
    ///
    /// # Panics
    /// Where an operand or `y` has not the number of elements that the shape asks for.
    pub fn run(self, workers: &Workers, shape: [usize; 2], a: Operand, b: Operand, y: &mut [f32]) {
        a.check(shape);
        b.check(shape);
        let [rows, columns] = shape;
        let len = floats(shape);
        assert_eq!(y.len(), len, "the output of {rows} × {columns}");
        let flat = |side: Operand| matches!(side.broadcast, Broadcast::Full | Broadcast::Scalar);
        let output = Parts::new(y);
        let level = workers.level();
        let sides = [a, b];
        if flat(a) && flat(b) {
            let width = rows * columns;
            chunks::for_each_chunk(workers, width, |range| {
                // SAFETY: chunks do not overlap, and `part` finds them within the output.
                let y = unsafe { output.part(range.start, range.len()) };
                block(level, self, sides, width, 0..1, range, y);
            });
        } else {
            chunks::for_each_block(workers, rows, columns, |rows| {
                // SAFETY: blocks do not overlap, and `part` finds them within the output.
                let y = unsafe { output.part(rows.start * columns, rows.len() * columns) };
                block(level, self, sides, columns, rows, 0..columns, y);
            });
        }
    }
}

dispatch! {
    fn block(
        function: Binary,
        sides: [Operand; 2],
        width: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        y: &mut [f32],
    ) => block_generic
}

#[inline(always)]
fn block_generic<V: Simd>(
    function: Binary,
    sides: [Operand; 2],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    y: &mut [f32],
) {
    let (one, zero) = (V::splat(1.0), V::zero());
    if columns.is_empty() {
        return;
    }
    for (row, y) in rows.zip(y.chunks_exact_mut(columns.len())) {
        let (a, b) = (
            sides[0].row_at(row, width, &columns),
            sides[1].row_at(row, width, &columns),
        );
        match function {
            Binary::Add => row_of(a, b, y, |a: V, b| a + b),
            Binary::Subtract => row_of(a, b, y, |a: V, b| a - b),
            Binary::Multiply => row_of(a, b, y, |a: V, b| a * b),
            Binary::Divide => row_of(a, b, y, |a: V, b| a / b),
            Binary::Maximum => row_of(a, b, y, |a: V, b| a.select(a.max(b), a.is_nan())),
            Binary::Minimum => row_of(a, b, y, |a: V, b| a.select(a.min(b), a.is_nan())),
            Binary::Power => row_of(a, b, y, power::<V>),
            Binary::Equal => row_of(a, b, y, |a: V, b| one.select(zero, a.eq(b))),
            Binary::Less => row_of(a, b, y, |a: V, b| one.select(zero, a.lt(b))),
            Binary::LessOrEqual => row_of(a, b, y, |a: V, b| one.select(zero, a.le(b))),
            Binary::Greater => row_of(a, b, y, |a: V, b| one.select(zero, a.gt(b))),
            Binary::GreaterOrEqual => row_of(a, b, y, |a: V, b| one.select(zero, a.ge(b))),
            Binary::NotEqual => row_of(a, b, y, |a: V, b| zero.select(one, a.eq(b))),
        }
    }
}

/// One row; a side is a slice as long as the row, or one element for all of it.
#[inline(always)]
fn row_of<V: Simd>(
    (a, a_full): (&[f32], bool),
    (b, b_full): (&[f32], bool),
    y: &mut [f32],
    f: impl Fn(V, V) -> V,
) {
    let (a_one, b_one) = (V::splat(a[0]), V::splat(b[0]));
    let mut start = 0;
    while start < y.len() {
        let end = (start + V::LANES).min(y.len());
        let a = if a_full {
            V::from_slice(&a[start..end])
        } else {
            a_one
        };
        let b = if b_full {
            V::from_slice(&b[start..end])
        } else {
            b_one
        };
        f(a, b).to_slice(&mut y[start..end]);
        start = end;
    }
}

/// `aᵇ` as IEEE 754 defines it for zeros, negative and infinite bases.
#[inline(always)]
fn power<V: Simd>(a: V, b: V) -> V {
    let (zero, one) = (V::zero(), V::splat(1.0));
    let size = exp(b * log(a.abs()));
    let whole = b.eq(b.floor());
    let half = b * V::splat(0.5);
    let odd = V::mask_and(whole, V::mask_not(half.eq(half.floor())));
    let signed = size.copysign(a).select(size, odd);
    let wrong = V::mask_and(a.lt(zero), V::mask_not(whole));
    let result = V::splat(f32::NAN).select(signed, wrong);
    one.select(result, V::mask_or(b.eq(zero), a.eq(one)))
}
