//! Files that are written whole, and what to say where that fails.

use std::path::Path;

pub use jingwei_files::{create, replace};

/// What to say when a file cannot be written.
pub fn unwritable(path: &Path) -> String {
    format!(
        "{}: cannot be written; check that the folder exists, that you may write there, and the free space",
        path.display()
    )
}
