//! Copies between two layouts of the same elements.

use crate::sizes::floats;
use crate::workers::Parts;
use crate::{Workers, chunks};

/// A copy from one place of one array to one place of another, planned once for their shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StridedCopy {
    /// Axes of what is copied, outermost first in the target.
    axes: Vec<Axis>,
    source: Place,
    target: Place,
}

/// One axis: how many elements, and how far apart they are on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    size: usize,
    source: usize,
    target: usize,
}

/// An array's length, and where in it the copy begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    len: usize,
    start: usize,
}

impl StridedCopy {
    /// Axis `i` of the result is axis `permutation[i]` of an array of `shape`.
    ///
    /// # Panics
    /// Where `permutation` does not name each axis once.
    pub fn transpose(shape: &[usize], permutation: &[usize]) -> Self {
        let mut seen = vec![false; shape.len()];
        permutation.iter().for_each(|&axis| seen[axis] = true);
        let complete = permutation.len() == shape.len() && seen.into_iter().all(|seen| seen);
        assert!(
            complete,
            "{permutation:?} is no permutation of the axes of {shape:?}"
        );
        let strides = strides(shape);
        let sizes: Vec<_> = permutation.iter().map(|&axis| shape[axis]).collect();
        let source = permutation.iter().map(|&axis| strides[axis]).collect();
        Self::new(
            &sizes,
            (shape, 0, source),
            (&sizes, 0, self::strides(&sizes)),
        )
    }

    /// Takes, along each axis of an array of `shape`, `counts` elements from `starts` on, each
    /// `steps` after the last.
    ///
    /// # Panics
    /// Where that reaches outside the array.
    pub fn slice(shape: &[usize], starts: &[usize], steps: &[usize], counts: &[usize]) -> Self {
        let (start, of_slice) = within(shape, starts, steps, counts);
        Self::new(
            counts,
            (shape, start, of_slice),
            (counts, 0, strides(counts)),
        )
    }

    /// The opposite of [`Self::slice`]: puts an array of shape `counts` there, and leaves the rest of
    /// the array of `shape` as it is. It serves to concatenate, to pad (after filling), and as the
    /// gradient of a slice (after filling with zeros).
    ///
    /// # Panics
    /// Where that reaches outside the array.
    pub fn place(shape: &[usize], starts: &[usize], steps: &[usize], counts: &[usize]) -> Self {
        let (start, of_slice) = within(shape, starts, steps, counts);
        Self::new(
            counts,
            (counts, 0, strides(counts)),
            (shape, start, of_slice),
        )
    }

    /// Repeats an array of shape `from` along the axes where it has one element and `to` has several.
    ///
    /// # Panics
    /// Where the shapes differ in the number of axes or in an axis of `from` that is not 1.
    pub fn broadcast(from: &[usize], to: &[usize]) -> Self {
        assert_eq!(
            from.len(),
            to.len(),
            "{from:?} and {to:?} have as many axes"
        );
        let along = from.iter().zip(to).zip(strides(from));
        let source = along.map(|((&from, &to), stride)| {
            assert!(
                from == to || from == 1,
                "an axis of {from} does not fill one of {to}"
            );
            if from == to { stride } else { 0 }
        });
        let source = source.collect();
        Self::new(to, (from, 0, source), (to, 0, strides(to)))
    }

    fn new(sizes: &[usize], source: Side, target: Side) -> Self {
        let place = |(shape, start, _): &Side| Place {
            len: floats(shape),
            start: *start,
        };
        let places = [place(&source), place(&target)];
        let mut axes: Vec<Axis> = Vec::with_capacity(sizes.len());
        for (i, &size) in sizes.iter().enumerate() {
            let axis = Axis {
                size,
                source: source.2[i],
                target: target.2[i],
            };
            match axes.last_mut() {
                _ if size == 1 => {}
                Some(last)
                    if last.source == size * axis.source && last.target == size * axis.target =>
                {
                    *last = Axis {
                        size: last.size * size,
                        ..axis
                    };
                }
                _ => axes.push(axis),
            }
        }
        if axes.is_empty() {
            axes.push(Axis {
                size: 1,
                source: 1,
                target: 1,
            });
        }
        let axes = if is_row(&axes[axes.len() - 1]) {
            axes
        } else {
            for_tiles(axes)
        };
        Self {
            axes,
            source: places[0],
            target: places[1],
        }
    }

    /// Copies.
    ///
    /// # Panics
    /// Where a slice has not the length that its shape asks for.
    pub fn run(&self, workers: &Workers, source: &[f32], target: &mut [f32]) {
        assert_eq!(source.len(), self.source.len, "the source of a copy");
        assert_eq!(target.len(), self.target.len, "the target of a copy");
        if self.axes.iter().any(|axis| axis.size == 0) {
            return;
        }
        let target = Parts::new(target);
        let inner = self.axes[self.axes.len() - 1];
        let outer = &self.axes[..self.axes.len() - 1];
        if !is_row(&inner) {
            self.run_tiles(workers, source, &target);
        } else if outer.is_empty() {
            chunks::for_each_chunk(workers, inner.size, |range| {
                let from = self.source.start + range.start * inner.source;
                let to = self.target.start + range.start;
                // SAFETY: chunks do not overlap, and `part` finds them within the target.
                let target = unsafe { target.part(to, range.len()) };
                run_row(&source[from..], inner.source, target);
            });
        } else {
            let count = outer.iter().map(|axis| axis.size).product();
            chunks::for_each_block(workers, count, inner.size, |block| {
                for index in block {
                    let (from, to) = self.offsets(outer, index);
                    // SAFETY: each index has a place of its own in the target, as its strides do not wrap and `within` keeps what
                    // is placed within its axes; `part` finds it there.
                    let target = unsafe { target.part(to, inner.size) };
                    run_row(&source[from..], inner.source, target);
                }
            });
        }
    }

    /// Where the element `index` of some of the axes lies on either side.
    fn offsets(&self, axes: &[Axis], index: usize) -> (usize, usize) {
        let start = (self.source.start, self.target.start, index);
        let (from, to, _) = axes.iter().rev().fold(start, |(from, to, index), axis| {
            let along = index % axis.size;
            (
                from + along * axis.source,
                to + along * axis.target,
                index / axis.size,
            )
        });
        (from, to)
    }

    /// Copies square tiles of the innermost axes of both sides, so that the lines of both stay in the
    /// cache.
    fn run_tiles(&self, workers: &Workers, source: &[f32], target: &Parts) {
        const TILE: usize = 32;
        let [outer @ .., across, inner] = &self.axes[..] else {
            return;
        };
        let bands = across.size.div_ceil(TILE);
        let count = bands * outer.iter().map(|axis| axis.size).product::<usize>();
        chunks::for_each_block(workers, count, TILE * inner.size, |block| {
            for index in block {
                let (from, to) = self.offsets(outer, index / bands);
                let rows = index % bands * TILE..(index % bands * TILE + TILE).min(across.size);
                for start in (0..inner.size).step_by(TILE) {
                    let end = (start + TILE).min(inner.size);
                    for i in rows.clone() {
                        let source = &source[from + i * across.source..];
                        let at = to + i * across.target;
                        for j in start..end {
                            // SAFETY: as in `run`.
                            let target = unsafe { target.part(at + j * inner.target, 1) };
                            target[0] = source[j * inner.source];
                        }
                    }
                }
            }
        });
    }
}

/// Whether the elements along an axis lie side by side, or are one repeated.
fn is_row(axis: &Axis) -> bool {
    axis.target == 1 && axis.source <= 1
}

/// Moves the axis that is innermost in the source next to the last, as `run_tiles` wants it.
fn for_tiles(mut axes: Vec<Axis>) -> Vec<Axis> {
    let last = axes.len() - 1;
    let candidates = (0..last).filter(|&i| axes[i].source > 0);
    match candidates.min_by_key(|&i| axes[i].source) {
        Some(nearest) => axes[nearest..last].rotate_left(1),
        None => axes.insert(
            last,
            Axis {
                size: 1,
                source: 0,
                target: 0,
            },
        ),
    }
    axes
}

/// Shape, start and strides of one side of a copy.
type Side<'a> = (&'a [usize], usize, Vec<usize>);

/// One row whose elements lie side by side, or are all the same.
fn run_row(source: &[f32], stride: usize, target: &mut [f32]) {
    if stride == 1 {
        target.copy_from_slice(&source[..target.len()]);
    } else {
        target.fill(source[0]);
    }
}

/// The strides of a contiguous array.
fn strides(shape: &[usize]) -> Vec<usize> {
    floats(shape);
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Start and strides of a part of an array of `shape`, which lies within it.
fn within(
    shape: &[usize],
    starts: &[usize],
    steps: &[usize],
    counts: &[usize],
) -> (usize, Vec<usize>) {
    let axes = shape.len();
    assert!(
        starts.len() == axes && steps.len() == axes && counts.len() == axes,
        "a start, a step and a count for each axis of {shape:?}"
    );
    for axis in 0..axes {
        let last = steps[axis].saturating_mul(counts[axis].saturating_sub(1));
        let last = last.saturating_add(starts[axis]);
        assert!(
            counts[axis] == 0 || steps[axis] > 0 && last < shape[axis],
            "axis {axis} of {shape:?} has no element {last}"
        );
    }
    let strides = strides(shape);
    // A start where nothing is taken, or a step where at most one element is, may be any number.
    let scaled = |numbers: &[usize]| -> Vec<usize> {
        let within = numbers
            .iter()
            .zip(shape)
            .map(|(number, size)| number.min(size));
        within
            .zip(&strides)
            .map(|(number, stride)| number * stride)
            .collect()
    };
    (scaled(starts).iter().sum(), scaled(steps))
}
