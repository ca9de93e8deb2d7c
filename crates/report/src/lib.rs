//! The report of a training: one HTML file that needs no network and no script.
//!
//! [`Report`] is plain data; [`render`] turns it into a page with plots drawn as SVG. Names of classes, files and
//! layers may be anything: everything is escaped. [`diagram`] draws a network by itself.
//!
//! ```
//! use jingwei_report::{Report, render};
//!
//! let page = render(&Report { title: "Digits".into(), ..Report::default() })?;
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), jingwei_report::Error>(())
//! ```

mod baseline;
mod canvas;
mod classification;
mod confusion;
mod cut;
mod data;
mod diagram;
mod error;
mod explain;
mod figure;
mod labels;
mod page;
mod regression;
mod scale;
mod section;
mod svg;
mod tag_examples;
mod tags;
mod text;
mod text_data;
mod texts;
mod training;

pub use data::{
    DataDescription, Fact, Layer, ModelDescription, Part, QuarantinedRow, Report, RunDescription,
};
pub use diagram::diagram;
pub use error::Error;
pub use explain::{occlusion, pieces, weigh, worth_explaining};
pub use page::render;
pub use section::Section;
pub use text::{count, percent};
pub use text_data::{
    BareTexts, BaselineScores, Counted, DuplicateText, DuplicateTexts, Explanation, Lengths,
    TagError, TagSpan, TextData, TextPart, TextReport, TokenWeight, WorstText,
};
