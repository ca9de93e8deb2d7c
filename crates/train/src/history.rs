//! The log of a training: one JSON line an epoch, in `history.jsonl`.
//!
//! A run killed while it writes leaves at most a torn last line, which readers leave out and the next [`append`] cuts
//! off. A run that resumes from a checkpoint calls [`cut_back`] first, so that no epoch stands there twice.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

pub use jingwei_metrics::{Epoch, Series};

use crate::{Error, files};

/// Reads a log; none is the same as an empty one.
///
/// # Errors
///
/// The file cannot be read, or a line other than a torn last one is not an epoch.
pub fn read(path: &Path) -> Result<Vec<Epoch>, Error> {
    Ok(parse(path)?.0)
}

/// Adds an epoch at the end and waits until it is on the disk.
///
/// # Errors
///
/// The file cannot be read or written, or is damaged as [`read`] says.
pub fn append(path: &Path, epoch: &Epoch) -> Result<(), Error> {
    let (_, whole) = parse(path)?;
    let line = line(path, epoch)?;
    let write = || {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    };
    write().map_err(Error::file(path, "write the history"))
}

/// Removes all epochs that end after `step`, and a torn last line; the file is replaced in one move.
///
/// # Errors
///
/// The file cannot be read or written, or is damaged as [`read`] says.
pub fn cut_back(path: &Path, step: u64) -> Result<(), Error> {
    let Some(before) = files::read(path, "read the history")? else {
        return Ok(());
    };
    let mut after = String::new();
    for epoch in read(path)?.iter().filter(|epoch| epoch.step <= step) {
        after.push_str(&line(path, epoch)?);
    }
    if after.as_bytes() == before {
        return Ok(());
    }
    files::replace(path, after.as_bytes(), "write the history")
}

fn line(path: &Path, epoch: &Epoch) -> Result<String, Error> {
    let line = serde_json::to_string(epoch).map_err(|error| damaged(path, epoch.epoch, &error))?;
    Ok(line + "\n")
}

/// The epochs and the length in bytes of the lines that are whole.
fn parse(path: &Path) -> Result<(Vec<Epoch>, u64), Error> {
    let content = files::read(path, "read the history")?.unwrap_or_default();
    let mut epochs = Vec::new();
    let mut whole = 0;
    for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.last() != Some(&b'\n') {
            break;
        }
        epochs.push(
            serde_json::from_slice(line)
                .map_err(|error| damaged(path, index as u64 + 1, &error))?,
        );
        whole += line.len() as u64;
    }
    Ok((epochs, whole))
}

fn damaged(path: &Path, line: u64, error: &serde_json::Error) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        place: format!("line {line}"),
        reason: error.to_string(),
    }
}
