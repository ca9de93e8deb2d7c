use std::fmt::Write;

use crate::scale::Axis;
use crate::svg::{coordinate, escape, path};

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 280.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// A plot being drawn: axes, grid, and then marks in the coordinates of the axes.
///
/// Colours come from the classes of the page's style sheet, so that one drawing serves light, dark and print.
pub(crate) struct Canvas {
    x: Axis,
    y: Axis,
    /// Where the x axis begins: the texts of the y axis stand before it.
    left: f64,
    content: String,
}

impl Canvas {
    /// Draws the frame.
    pub(crate) fn new(x: Axis, y: Axis) -> Self {
        let left = (30.0 + 7.4 * widest(&y.ticks(6)) as f64).max(52.0);
        let mut canvas = Self {
            x,
            y,
            left,
            content: String::new(),
        };
        canvas.rows();
        canvas.columns();
        canvas.labels();
        canvas
    }

    fn rows(&mut self) {
        let (left, right) = (self.left, WIDTH - RIGHT);
        for (value, text) in self.y.ticks(6) {
            let y = self.down(value);
            let _ = write!(
                self.content,
                r#"<path class="grid" d="M{left:.1} {y:.1}H{right:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"#,
                left - 7.0,
                y + 4.0
            );
        }
    }

    fn columns(&mut self) {
        let (left, right, bottom) = (self.left, WIDTH - RIGHT, HEIGHT - BOTTOM);
        let _ = write!(
            self.content,
            r#"<path class="axis" d="M{left:.1} {bottom:.1}H{right:.1}"/>"#
        );
        for (value, text) in self.x_ticks() {
            let x = self.across(value);
            let _ = write!(
                self.content,
                r#"<path class="notch" d="M{x:.1} {bottom:.1}v4"/><text class="tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{text}</text>"#,
                bottom + 17.0
            );
        }
    }

    /// As many ticks as have room for their texts.
    fn x_ticks(&self) -> Vec<(f64, String)> {
        let many = self.x.ticks(6);
        if widest(&many) > 5 {
            self.x.ticks(3)
        } else {
            many
        }
    }

    fn labels(&mut self) {
        let (x, y) = (
            (self.left + WIDTH - RIGHT) / 2.0,
            (TOP + HEIGHT - BOTTOM) / 2.0,
        );
        let _ = write!(
            self.content,
            r#"<text class="label" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="label" text-anchor="middle" transform="translate(13 {y:.1}) rotate(-90)">{}</text>"#,
            HEIGHT - 7.0,
            escape(&self.x.label),
            escape(&self.y.label)
        );
    }

    /// A line through the points; a gap where a value is missing, a dot for each if there are few.
    pub(crate) fn line(&mut self, points: &[(f64, Option<f64>)], style: &str) {
        for run in points
            .split(|point| point.1.is_none())
            .filter(|run| !run.is_empty())
        {
            let placed: Vec<_> = run
                .iter()
                .map(|(x, y)| (self.across(*x), self.down(y.unwrap_or_default())))
                .collect();
            let _ = write!(
                self.content,
                r#"<path class="line {style}" d="{}"/>"#,
                path(placed.iter().copied())
            );
            if points.len() <= 30 || run.len() == 1 {
                placed
                    .into_iter()
                    .for_each(|(x, y)| self.circle(x, y, 2.6, style));
            }
        }
    }

    /// A line without dots.
    pub(crate) fn curve(&mut self, points: impl IntoIterator<Item = (f64, f64)>, style: &str) {
        let placed: Vec<_> = points
            .into_iter()
            .map(|(x, y)| (self.across(x), self.down(y)))
            .collect();
        let _ = write!(
            self.content,
            r#"<path class="line {style}" d="{}"/>"#,
            path(placed)
        );
    }

    /// A dot of `radius` units.
    pub(crate) fn dot(&mut self, x: f64, y: f64, radius: f64, style: &str) {
        self.circle(self.across(x), self.down(y), radius, style);
    }

    /// A bar between two x values and two y values.
    pub(crate) fn bar(&mut self, x: (f64, f64), y: (f64, f64), style: &str) {
        let (left, right) = (self.across(x.0), self.across(x.1));
        let (bottom, top) = (self.down(y.0), self.down(y.1));
        let _ = write!(
            self.content,
            r#"<rect class="bar {style}" x="{}" y="{}" width="{}" height="{}"/>"#,
            coordinate(left + 0.5),
            coordinate(top),
            coordinate((right - left - 1.0).max(0.5)),
            coordinate((bottom - top).max(0.0))
        );
    }

    /// A vertical line with a word at its top.
    pub(crate) fn rule(&mut self, x: f64, word: &str) {
        let x = self.across(x);
        let (anchor, offset) = if x > WIDTH * 0.7 {
            ("end", -5.0)
        } else {
            ("start", 5.0)
        };
        let _ = write!(
            self.content,
            r#"<path class="rule" d="M{x:.1} {TOP}V{:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            HEIGHT - BOTTOM,
            x + offset,
            TOP + 10.0,
            escape(word)
        );
    }

    /// The finished drawing; `description` says in words what it shows.
    pub(crate) fn finish(self, description: &str) -> String {
        format!(
            r#"<svg class="plot" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{}">{}</svg>"#,
            escape(description),
            self.content
        )
    }

    fn circle(&mut self, x: f64, y: f64, radius: f64, style: &str) {
        let (x, y) = (coordinate(x), coordinate(y));
        let _ = write!(
            self.content,
            r#"<circle class="dot {style}" cx="{x}" cy="{y}" r="{radius:.1}"/>"#
        );
    }

    fn across(&self, x: f64) -> f64 {
        self.left + self.x.share(x) * (WIDTH - self.left - RIGHT)
    }

    fn down(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Letters of the longest text.
fn widest(ticks: &[(f64, String)]) -> usize {
    ticks
        .iter()
        .map(|tick| tick.1.chars().count())
        .max()
        .unwrap_or(0)
}
