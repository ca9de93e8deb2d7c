//! Which rows of a table a batch touches, and where their gradients lie.

use crate::sizes::floats;
use std::ops::Range;

/// A row of the table, and where a gradient of it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair {
    row: u32,
    from: u32,
}

/// Bits of a row's number that one pass of the sort looks at.
const DIGIT: u32 = 11;

/// The rows of a table that gradients are there for, each with the places of its gradients in a buffer, in the order in
/// which they were added.
///
/// Memory is asked for when it is made, and again only for more gradients than it was made for.
#[derive(Clone, Debug, Default)]
pub struct TouchedRows {
    width: usize,
    rows: usize,
    pairs: Vec<Pair>,
    spare: Vec<Pair>,
    /// Where in `pairs` each different row begins, and the end.
    starts: Vec<u32>,
}

impl TouchedRows {
    /// Room for `count` gradients of a table of `rows` rows of `width` values.
    ///
    /// # Panics
    /// Where the numbers of the rows need more than 32 bits, the rows hold nothing, or the table has more than
    /// [`MOST_FLOATS`](crate::MOST_FLOATS).
    pub fn new(rows: usize, width: usize, count: usize) -> Self {
        assert!(
            width > 0 && u32::try_from(rows).is_ok(),
            "{rows} rows of {width}"
        );
        floats([rows, width]);
        let mut touched = Self {
            width,
            rows,
            ..Self::default()
        };
        touched.reserve(count);
        touched
    }

    /// Makes room for `count` gradients.
    pub fn reserve(&mut self, count: usize) {
        let more = |len: usize| (count + 1).saturating_sub(len);
        self.pairs.reserve(more(self.pairs.len()));
        self.spare.reserve(more(self.spare.len()));
        self.starts.reserve(more(self.starts.len()));
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of the table.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of different rows.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether no row is touched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all gradients.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.starts.clear();
    }

    /// Adds a gradient for each index, one after another from place `from` of a buffer on. An index that is no row of
    /// the table is passed over, as what was read there is not a number.
    ///
    /// # Panics
    /// Where a place needs more than 32 bits.
    pub fn add(&mut self, indices: &[f32], from: usize) {
        let end = from.saturating_add(floats([indices.len(), self.width]));
        assert!(
            u32::try_from(end).is_ok(),
            "gradients at places up to {end}"
        );
        for (index, from) in indices.iter().zip((from..).step_by(self.width)) {
            let row = *index as u32;
            if row as f32 == *index && (row as usize) < self.rows {
                let from = from as u32;
                self.pairs.push(Pair { row, from });
            }
        }
    }

    /// Brings the gradients of each row together; to be called after the last [`TouchedRows::add`].
    pub fn sort(&mut self) {
        let bits = usize::BITS - self.rows.saturating_sub(1).leading_zeros();
        self.spare.clear();
        self.spare.resize(self.pairs.len(), Pair::default());
        for shift in (0..bits).step_by(DIGIT as usize) {
            sort_by_digit(&self.pairs, &mut self.spare, shift);
            std::mem::swap(&mut self.pairs, &mut self.spare);
        }
        self.starts.clear();
        let mut last = None;
        for (at, pair) in self.pairs.iter().enumerate() {
            if last != Some(pair.row) {
                self.starts.push(at as u32);
                last = Some(pair.row);
            }
        }
        self.starts.push(self.pairs.len() as u32);
    }

    /// The numbers of the touched rows, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// The number of the touched row `index`.
    pub(super) fn row(&self, index: usize) -> usize {
        self.pairs[self.starts[index] as usize].row as usize
    }

    /// The sum of the gradients of a touched row, in the order in which they were added; of a single gradient, itself.
    #[inline(always)]
    pub(super) fn gradient<'a>(
        &self,
        index: usize,
        buffer: &'a [f32],
        sum: &'a mut [f32],
        add: impl Fn(&[f32], &mut [f32]),
    ) -> &'a [f32] {
        let pairs = &self.pairs[self.starts[index] as usize..self.starts[index + 1] as usize];
        let part = |pair: &Pair| &buffer[pair.from as usize..][..self.width];
        let (first, rest) = (part(&pairs[0]), &pairs[1..]);
        if rest.is_empty() {
            return first;
        }
        let sum = &mut sum[..self.width];
        sum.copy_from_slice(first);
        for pair in rest {
            add(part(pair), sum);
        }
        sum
    }

    /// The touched rows of one piece of the work, and how many pieces there are.
    pub(super) fn piece(&self, piece: usize) -> Range<usize> {
        let step = self.step();
        piece * step..((piece + 1) * step).min(self.len())
    }

    pub(super) fn pieces(&self) -> usize {
        self.len().div_ceil(self.step())
    }

    fn step(&self) -> usize {
        crate::chunks::rows_in_piece(self.width)
    }
}

/// A stable counting sort by some bits of the row.
fn sort_by_digit(from: &[Pair], to: &mut [Pair], shift: u32) {
    let digit = |pair: &Pair| (pair.row >> shift) as usize & ((1 << DIGIT) - 1);
    let mut places = [0u32; 1 << DIGIT];
    from.iter().for_each(|pair| places[digit(pair)] += 1);
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    for pair in from {
        let place = &mut places[digit(pair)];
        to[*place as usize] = *pair;
        *place += 1;
    }
}
