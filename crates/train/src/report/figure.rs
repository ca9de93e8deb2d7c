use serde::Serialize;

/// A plot with what stands around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) title: String,
    /// The drawing; its texts are escaped.
    pub(super) svg: String,
    pub(super) legend: Vec<Key>,
    /// How to read it.
    pub(super) note: String,
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Key {
    pub(super) name: String,
    /// Class of the style sheet that draws the sample.
    pub(super) style: &'static str,
    /// `line` or `area`.
    pub(super) shape: &'static str,
}

impl Key {
    pub(super) fn line(name: impl Into<String>, style: &'static str) -> Self {
        Self {
            name: name.into(),
            style,
            shape: "line",
        }
    }

    pub(super) fn area(name: impl Into<String>, style: &'static str) -> Self {
        Self {
            name: name.into(),
            style,
            shape: "area",
        }
    }
}
