//! Files of a run, with errors that say what was tried.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::Error;

/// As [`jingwei_files::replace`].
pub(crate) fn replace(path: &Path, content: &[u8], action: &'static str) -> Result<(), Error> {
    jingwei_files::replace(path, content).map_err(Error::file(path, action))
}

/// Reads a whole file; `None` if there is none.
pub(crate) fn read(path: &Path, action: &'static str) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, action)(error)),
    }
}
