use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::record::{self, Next};
use crate::{Error, PREFIX, event};

/// Removes from all event files of `folder` the events after `step`, and records torn by a killed run. Each file that
/// changes is replaced in one move. A missing folder is the same as an empty one.
///
/// # Errors
///
/// A file cannot be read or written, or holds something other than event records.
pub fn cut_back(folder: &Path, step: u64) -> Result<(), Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::file(folder, "list the event files"))?,
    };
    for entry in entries {
        let path = entry
            .map_err(Error::file(folder, "list the event files"))?
            .path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with(PREFIX) {
            cut_file(&path, step)?;
        }
    }
    Ok(())
}

fn cut_file(path: &Path, step: u64) -> Result<(), Error> {
    let bytes = fs::read(path).map_err(Error::file(path, "read events"))?;
    let kept = kept(&bytes, step).map_err(|(position, reason)| Error::Damaged {
        path: path.to_owned(),
        position,
        reason,
    })?;
    if kept.len() == bytes.len() {
        Ok(())
    } else {
        replace(path, &kept).map_err(Error::file(path, "write events"))
    }
}

/// Replaces a file whole: a reader, or a run killed at any moment, sees either the old or the new content.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(".part-", folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The whole records up to `step`, or the position and the reason of the first that is none.
fn kept(bytes: &[u8], step: u64) -> Result<Vec<u8>, (usize, &'static str)> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut position = 0;
    loop {
        let (payload, length) = match record::next(&bytes[position..]) {
            Next::Record(payload, length) => (payload, length),
            Next::End => return Ok(kept),
            Next::Damaged(reason) => return Err((position, reason)),
        };
        if event::step(payload).ok_or((position, "a record is no event"))? <= step {
            kept.extend(&bytes[position..position + length]);
        }
        position += length;
    }
}
