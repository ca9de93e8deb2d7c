//! The confusion matrix: a table that can be read cell by cell, a map if there are many classes, or its largest cells if
//! there are too many for that.

use std::fmt::Write;

use jingwei_metrics::ConfusionMatrix;
use serde::Serialize;

use crate::cut::MOST_ROWS;
use crate::svg::{coordinate, escape, shorten};
use crate::text;

/// Up to so many classes the matrix is a table of numbers.
const TABLE_CLASSES: usize = 24;
/// How many of the most frequent confusions are listed.
const WORST: usize = 8;

/// The matrix as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Confusion {
    names: Vec<String>,
    rows: Vec<Row>,
    /// Whether there is room for large cells.
    few: bool,
    map: String,
    /// Why there is neither, where there is neither.
    cut: String,
    pub(crate) worst: Vec<Pair>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    /// `right` on the diagonal, `wrong` elsewhere, `none` for no rows.
    kind: &'static str,
    /// How strong the colour is, in percent.
    tint: u32,
    hint: String,
}

/// A class that was taken for another.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    truth: String,
    predicted: String,
    count: String,
    share: String,
}

impl Confusion {
    pub(crate) fn new(matrix: &ConfusionMatrix, names: &[String]) -> Self {
        let small = matrix.classes() <= TABLE_CLASSES;
        let drawn = matrix.classes() <= MOST_ROWS;
        let row = |truth: usize| Row {
            name: names[truth].clone(),
            cells: (0..matrix.classes())
                .map(|predicted| cell(matrix, names, truth, predicted))
                .collect(),
        };
        let pair = |(truth, predicted, weight): (usize, usize, f64)| Pair {
            truth: names[truth].clone(),
            predicted: names[predicted].clone(),
            count: text::count(weight),
            share: text::percent(weight / matrix.support(truth)),
        };
        Self {
            names: if small { names.to_vec() } else { Vec::new() },
            few: matrix.classes() <= 4,
            rows: if small {
                (0..matrix.classes()).map(row).collect()
            } else {
                Vec::new()
            },
            map: if small || !drawn {
                String::new()
            } else {
                map(matrix, names)
            },
            cut: if drawn {
                String::new()
            } else {
                format!(
                    "A matrix of {} classes is too large to draw. It has {} cells that are not 0, and the most frequent \
                     confusions are listed.",
                    text::count(matrix.classes() as f64),
                    text::count(matrix.cells().len() as f64)
                )
            },
            worst: matrix.worst(WORST).into_iter().map(pair).collect(),
        }
    }
}

fn cell(matrix: &ConfusionMatrix, names: &[String], truth: usize, predicted: usize) -> Cell {
    let count = matrix.count(truth, predicted);
    Cell {
        text: if count == 0.0 {
            "·".into()
        } else {
            text::count(count)
        },
        kind: kind(count, truth, predicted),
        tint: tint(matrix, truth, predicted),
        hint: hint(matrix, names, truth, predicted),
    }
}

fn kind(count: f64, truth: usize, predicted: usize) -> &'static str {
    match (count == 0.0, truth == predicted) {
        (true, _) => "none",
        (false, true) => "right",
        (false, false) => "wrong",
    }
}

/// The share of the class, its root for errors so that small ones are seen.
fn tint(matrix: &ConfusionMatrix, truth: usize, predicted: usize) -> u32 {
    let support = matrix.support(truth);
    let share = if support > 0.0 {
        matrix.count(truth, predicted) / support
    } else {
        0.0
    };
    let visible = if truth == predicted {
        share
    } else {
        share.sqrt()
    };
    (visible * 100.0).round() as u32
}

fn hint(matrix: &ConfusionMatrix, names: &[String], truth: usize, predicted: usize) -> String {
    let count = text::count(matrix.count(truth, predicted));
    format!(
        "{} predicted as {}: {count} of {}",
        names[truth],
        names[predicted],
        text::count(matrix.support(truth))
    )
}

/// Side of the square of the map.
const SIDE: f64 = 840.0;

/// A square of coloured cells with names at the sides.
fn map(matrix: &ConfusionMatrix, names: &[String]) -> String {
    let classes = matrix.classes();
    let size = SIDE / classes as f64;
    let letters = (size * 0.92).min(12.0);
    let shown: Vec<String> = names.iter().map(|name| shorten(name, 22)).collect();
    let longest = shown
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let margin = 12.0 + longest as f64 * letters * 0.72;
    let mut content = String::new();
    for (class, name) in shown.iter().enumerate() {
        map_names(
            &mut content,
            name,
            margin,
            margin + (class as f64 + 0.5) * size + letters * 0.35,
        );
        map_cells(&mut content, matrix, names, class, margin);
    }
    let whole = margin + SIDE + 2.0;
    format!(
        r#"<svg class="map" role="img" viewBox="0 0 {whole:.1} {whole:.1}" font-size="{letters:.1}" aria-label="Confusion matrix of {classes} classes; the most frequent confusions are listed above."><rect class="frame" x="{margin:.1}" y="{margin:.1}" width="{SIDE}" height="{SIDE}"/>{content}</svg>"#
    )
}

/// A class's name beside its row and above its column.
fn map_names(content: &mut String, name: &str, margin: f64, place: f64) {
    let (name, end) = (escape(name), margin - 5.0);
    let _ = write!(
        content,
        r#"<text x="{end:.1}" y="{place:.1}" text-anchor="end">{name}</text><text transform="translate({place:.1} {end:.1}) rotate(-90)">{name}</text>"#
    );
}

/// The cells of one true class.
fn map_cells(
    content: &mut String,
    matrix: &ConfusionMatrix,
    names: &[String],
    truth: usize,
    margin: f64,
) {
    let size = SIDE / matrix.classes() as f64;
    for predicted in (0..matrix.classes()).filter(|predicted| matrix.count(truth, *predicted) > 0.0)
    {
        let _ = write!(
            content,
            r#"<rect class="{}" x="{}" y="{}" width="{size:.2}" height="{size:.2}" fill-opacity="{:.2}"><title>{}</title></rect>"#,
            kind(1.0, truth, predicted),
            coordinate(margin + predicted as f64 * size),
            coordinate(margin + truth as f64 * size),
            f64::from(tint(matrix, truth, predicted).max(6)) / 100.0,
            escape(&hint(matrix, names, truth, predicted))
        );
    }
}
