//! Reports as pages.

mod report;
mod text_report;
