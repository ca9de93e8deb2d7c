//! What shape rules have in common.

use jingwei_bounds::product;

use crate::limits::{MOST_FILTER, MOST_IMAGE, MOST_PLACES, MOST_STEPS, MOST_VALUES};
use crate::{Dim, Error, Graph, NodeId, Result, Shape, ops};

/// Exactly `N` inputs.
pub(super) fn inputs<'a, const N: usize>(
    op: &'static str,
    inputs: &[&'a Shape],
) -> Result<[&'a Shape; N]> {
    inputs.try_into().map_err(|_| {
        let expected = if N == 1 {
            "1 input".to_owned()
        } else {
            format!("{N} inputs")
        };
        Error::shape(op, expected, inputs.len().to_string())
    })
}

/// One input of token ids, `[batch, time]`.
pub(super) fn token_ids(op: &'static str, inputs: &[&Shape]) -> Result<Shape> {
    let [ids] = self::inputs(op, inputs)?;
    match ids.rank() {
        2 => Ok(ids.clone()),
        _ => Err(Error::shape(op, "ids [batch, time]", ids.to_string())),
    }
}

/// Shapes in a message: "[2, 3] and [3]".
pub(super) fn list(shapes: &[&Shape]) -> String {
    match shapes {
        [] => "nothing".to_owned(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

/// A tensor whose last dimension has a known size that is not zero; returns that size.
pub(super) fn channels(op: &'static str, x: &Shape) -> Result<usize> {
    match x.rank().checked_sub(1).and_then(|last| x.size(last)) {
        Some(size) if size > 0 => Ok(size),
        _ => Err(Error::shape(
            op,
            "an input whose last dimension has a known size",
            x.to_string(),
        )),
    }
}

/// A number that lies in `range`.
pub(super) fn within(
    op: &'static str,
    what: &str,
    value: f32,
    range: std::ops::Range<f32>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!(
        "a {what} of at least {} and below {}",
        range.start, range.end
    );
    Err(Error::shape(op, expected, value.to_string()))
}

/// A small number that is added to a variance: finite and not negative. Kernels would take a subnormal one for 0.
pub(super) fn epsilon(op: &'static str, value: f32) -> Result<()> {
    if value == 0.0 || (value > 0.0 && value.is_normal()) {
        return Ok(());
    }
    Err(Error::shape(
        op,
        "a finite epsilon that is not negative",
        value.to_string(),
    ))
}

/// A number that wavelengths are powers of: finite, above 0, and not so small that kernels take it for 0.
pub(super) fn base(op: &'static str, value: f32) -> Result<()> {
    match value > 0.0 && value.is_normal() {
        true => Ok(()),
        false => Err(Error::shape(op, "a base above 0", value.to_string())),
    }
}

/// Strides, dilations and paddings of a window, none too long.
pub(super) fn steps(op: &'static str, steps: impl IntoIterator<Item = usize>) -> Result<()> {
    match steps.into_iter().find(|&step| step > MOST_STEPS) {
        None => Ok(()),
        Some(step) => {
            let expected = format!("strides, dilations and paddings of at most {MOST_STEPS}");
            Err(Error::shape(op, expected, step.to_string()))
        }
    }
}

/// A batch of images with their padding, no larger than any tensor.
pub(super) fn padded(op: &'static str, image: &Shape, padding: [usize; 4]) -> Result<()> {
    let [top, bottom, left, right] = padding;
    let size = |axis| image.size(axis).unwrap_or(1);
    let sum = |sizes: [usize; 3]| {
        sizes
            .iter()
            .try_fold(0usize, |sum, &size| sum.checked_add(size))
    };
    let padded = sum([size(1), top, bottom])
        .zip(sum([size(2), left, right]))
        .and_then(|(height, width)| product([height, width, size(3).max(1)]));
    let one = padded.filter(|&values| values <= MOST_IMAGE);
    let all = one.and_then(|values| product([values, size(0)]));
    match all.is_some_and(|values| values <= MOST_VALUES) {
        true => Ok(()),
        false => {
            let expected = "padded images of less than 2^32 values each and at most 2^34 in all";
            Err(Error::shape(
                op,
                expected,
                format!("{image}, padding {padding:?}"),
            ))
        }
    }
}

/// A filter of moderate size at a moderate number of places.
pub(super) fn filter(op: &'static str, filters: &Shape, places: [Dim; 2]) -> Result<()> {
    let size = |axis| filters.size(axis).unwrap_or(1);
    let place = |dim| match dim {
        Dim::Size(size) => size,
        Dim::Symbol(_) => 1,
    };
    let within = |sizes: &[usize], most| {
        product(sizes.iter().copied()).is_some_and(|product| product <= most)
    };
    let fits = within(&[size(0), size(1)], MOST_FILTER)
        && within(&[size(0), size(1), size(2)], MOST_PLACES)
        && within(&places.map(place), MOST_PLACES);
    match fits {
        true => Ok(()),
        false => {
            let expected =
                "filters of at most 2^24 rows times columns and 2^28 values each, at 2^28 places";
            let [height, width] = places;
            let found = format!("filters {filters} at {height} by {width} places");
            Err(Error::shape(op, expected, found))
        }
    }
}

/// One row of a matrix of known sizes, as a vector.
pub(super) fn row(graph: &mut Graph, matrix: NodeId, row: usize) -> Result<NodeId> {
    let slice = graph.add(
        ops::Slice {
            axis: 0,
            start: row,
            len: 1,
        }
        .into(),
        &[matrix],
    )?;
    let columns = graph.shape(slice).0[1];
    graph.reshape(slice, Shape(vec![columns]))
}

/// The error of an operator that cannot be differentiated.
pub(super) fn no_gradient(graph: &Graph, node: NodeId, reason: &str) -> Error {
    let node = graph.node(node);
    Error::NoGradient {
        layer: node.place().to_owned(),
        op: node.op.name(),
        reason: format!(": {reason}"),
    }
}

/// A vector with one value for each of `channels`.
pub(super) fn is_vector(shape: &Shape, channels: usize) -> bool {
    shape.0 == [Dim::Size(channels)]
}

/// A pair of rows with one value for each of `channels`.
pub(super) fn is_pair(shape: &Shape, channels: usize) -> bool {
    shape.0 == [Dim::Size(2), Dim::Size(channels)]
}
