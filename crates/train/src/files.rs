use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Error;

/// Replaces a file whole: a reader, or a run killed at any moment, sees either the old or the new content.
pub(crate) fn replace(path: &Path, content: &[u8], action: &'static str) -> Result<(), Error> {
    let temporary = temporary(path);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(path)
    };
    write().map_err(|source| {
        // The first error is the one to tell; a part file that stays is overwritten by the next try.
        let _ = fs::remove_file(&temporary);
        Error::File {
            path: path.to_owned(),
            action,
            source,
        }
    })
}

/// The new content's first name. TensorBoard reads whatever has `tfevents` in its name, finished or not.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".part-{}", name.replace("tfevents", "events")))
}

/// Reads a whole file; `None` if there is none.
pub(crate) fn read(path: &Path, action: &'static str) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, action)(error)),
    }
}

/// The SHA-256 of a file's content, in hexadecimal.
pub(crate) fn hash(path: &Path) -> Result<String, Error> {
    let hash = || {
        let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
        let mut chunk = vec![0; 1 << 16];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hexadecimal(hasher)),
                read => hasher.update(&chunk[..read]),
            }
        }
    };
    hash().map_err(Error::file(path, "read the file"))
}

/// A finished digest as text.
pub(crate) fn hexadecimal(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
