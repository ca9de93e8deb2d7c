use serde::Serialize;

/// A plot with what stands around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) title: String,
    /// The drawing; its texts are escaped.
    pub(crate) svg: String,
    pub(crate) legend: Vec<Key>,
    /// How to read it.
    pub(crate) note: String,
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Class of the style sheet that draws the sample.
    pub(crate) style: &'static str,
    /// `line` or `area`.
    pub(crate) shape: &'static str,
}

impl Key {
    pub(crate) fn line(name: impl Into<String>, style: &'static str) -> Self {
        Self {
            name: name.into(),
            style,
            shape: "line",
        }
    }

    pub(crate) fn area(name: impl Into<String>, style: &'static str) -> Self {
        Self {
            name: name.into(),
            style,
            shape: "area",
        }
    }
}
