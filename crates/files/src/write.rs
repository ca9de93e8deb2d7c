use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};
use std::path::Path;

/// Writes a new file. One that is there already stays, and is an error.
///
/// # Errors
/// If the file is there or cannot be written; nothing of it stays then.
pub fn create(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // The error of writing is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file in place of one that may be there, in one move: a reader, or a process that is killed at any moment,
/// sees the old content or the new. Pipes and devices are written into.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("file");
/// jingwei_files::replace(&path, b"old")?;
/// jingwei_files::replace(&path, b"new")?;
/// assert_eq!(std::fs::read(&path)?, b"new");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If it cannot be written; what was there stays then.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, content);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".part-{name}"));
    // What a killed process left.
    let _ = fs::remove_file(&part);
    create(&part, content)?;
    let moved = fs::rename(&part, path).and_then(|()| sync_folder(path));
    moved.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> Result<()> {
    Ok(())
}
