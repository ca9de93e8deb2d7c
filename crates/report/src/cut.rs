//! Tables of many classes are cut to those that tell most.

use jingwei_metrics::{RANKED_CELLS, keeps_probabilities};

use crate::text::count;

/// Rows that a table with a row a class shows, and classes up to which a matrix is drawn.
pub(crate) const MOST_ROWS: usize = 100;

/// The places of the rows that a table shows: all of them, or the worst first where they are too many. `score` is `None`
/// for what does not occur.
pub(crate) fn worst(rows: usize, score: impl Fn(usize) -> Option<f64>) -> Vec<usize> {
    if rows <= MOST_ROWS {
        return (0..rows).collect();
    }
    let scored = (0..rows).filter_map(|row| Some((score(row)?, row)));
    let mut scored: Vec<(f64, usize)> = scored.collect();
    scored.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    let places = scored.into_iter().map(|(_, row)| row);
    places.take(MOST_ROWS).collect()
}

/// Says which rows a table shows; nothing where it shows all.
pub(crate) fn sentence(shown: usize, all: usize, what: &str) -> String {
    match all > MOST_ROWS {
        true => format!(
            "Shown are the {shown} {what} with the lowest F1 of those that occur, of {} in all.",
            count(all as f64)
        ),
        false => String::new(),
    }
}

/// Says why there are no curves; nothing where there are some.
pub(crate) fn without_curves(rows: usize, classes: usize, what: &str) -> String {
    match keeps_probabilities(rows, classes) {
        true => String::new(),
        false => format!(
            "Areas under curves are left out: {} rows × {} {what} are more than the {} probabilities that are kept.",
            count(rows as f64),
            count(classes as f64),
            count(RANKED_CELLS as f64)
        ),
    }
}
