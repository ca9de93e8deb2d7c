//! One process a run folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::Error;

/// Holds a run folder until it is dropped; the system releases it too when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`Error::Locked`] with the other process if one holds it, [`Error::File`] if the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder, "make the run folder"))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let opened = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let mut file = opened.map_err(Error::file(&path, "make the lock"))?;
        match file.try_lock() {
            Ok(()) => {
                let mut write = || {
                    file.set_len(0)?;
                    file.seek(SeekFrom::Start(0))?;
                    write!(file, "{}", std::process::id())
                };
                write().map_err(Error::file(&path, "write the lock"))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Whoever holds the lock may still be writing its number; the error is clear without it.
                let _ = (&mut file).take(20).read_to_string(&mut process);
                Err(Error::Locked {
                    folder: folder.to_owned(),
                    process,
                })
            }
            Err(TryLockError::Error(error)) => Err(Error::file(&path, "take the lock")(error)),
        }
    }
}
