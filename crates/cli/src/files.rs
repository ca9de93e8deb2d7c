//! Writing files whole: when the disk is full, nothing half-written stays and nothing good is lost.

use std::fs::{self, OpenOptions};
use std::io::{Result, Write};
use std::path::Path;

/// Writes a new file. One that is there already stays, and is an error.
pub fn create(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // The error of writing is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file, in place of one that may be there, in one move.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    // Pipes and devices are written into; only files and names of none can be replaced.
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, content);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.part-{}", std::process::id()));
    create(&draft, content)?;
    fs::rename(&draft, path).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// What to say when a file cannot be written.
pub fn unwritable(path: &Path) -> String {
    format!(
        "{}: cannot be written; check that the folder exists, that you may write there, and the free space",
        path.display()
    )
}
