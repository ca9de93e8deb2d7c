//! Many texts, in memory up to a bound and in a temporary file beyond it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// Texts by index. Several threads may ask at once.
pub trait TextSource: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text at an index below [`TextSource::len`].
    ///
    /// # Errors
    /// If the text lies in a file that can no longer be read.
    fn get(&self, index: usize) -> Result<Cow<'_, str>>;
}

impl<S: AsRef<str> + Sync> TextSource for [S] {
    fn len(&self) -> usize {
        <[S]>::len(self)
    }

    fn get(&self, index: usize) -> Result<Cow<'_, str>> {
        Ok(Cow::Borrowed(self[index].as_ref()))
    }
}

/// Some of the texts of a source, for instance its training part.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The source.
    pub texts: &'a dyn TextSource,
    /// Indices into the source.
    pub indices: &'a [usize],
}

impl TextSource for Part<'_> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> Result<Cow<'_, str>> {
        self.texts.get(self.indices[index])
    }
}

/// Texts in the order in which they were added.
///
/// They lie in one piece of memory; what does not fit the bound lies in a temporary file that nobody else sees and that
/// goes with this value.
#[derive(Debug, Default)]
pub struct Texts {
    memory: String,
    /// Where each text ends, in memory and then on in the file.
    ends: Vec<u64>,
    bound: u64,
    spool: Option<Mutex<File>>,
    waiting: Vec<u8>,
}

const WAITING: usize = 1 << 20;

impl Texts {
    /// No texts; beyond `bound` bytes they will go to a temporary file.
    pub fn bounded(bound: u64) -> Self {
        Self {
            bound,
            ..Self::default()
        }
    }

    /// Adds a text.
    ///
    /// # Errors
    /// If the temporary file cannot be written.
    pub fn push(&mut self, text: &str) -> Result<()> {
        let end = self.bytes() + text.len() as u64;
        if self.spool.is_none() && end <= self.bound {
            self.memory.push_str(text);
        } else {
            if self.spool.is_none() {
                self.spool = Some(Mutex::new(tempfile::tempfile().map_err(spool_error)?));
            }
            self.waiting.extend_from_slice(text.as_bytes());
            if self.waiting.len() >= WAITING {
                self.flush()?;
            }
        }
        self.ends.push(end);
        Ok(())
    }

    /// Writes what waits for the file, so that all texts can be read.
    pub(super) fn flush(&mut self) -> Result<()> {
        if let Some(spool) = &self.spool {
            let mut file = spool.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&self.waiting).map_err(spool_error)?;
            self.waiting.clear();
        }
        Ok(())
    }

    /// Bytes of UTF-8 of all texts.
    pub fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether a part of the texts lies in a temporary file.
    pub fn spooled(&self) -> bool {
        self.spool.is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at `index`.
    ///
    /// # Errors
    /// If it lies in the temporary file and that cannot be read.
    pub fn get(&self, index: usize) -> Result<Cow<'_, str>> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let end = self.ends[index];
        let kept = self.memory.len() as u64;
        if end <= kept {
            return Ok(Cow::Borrowed(&self.memory[start as usize..end as usize]));
        }
        self.file_text(start - kept, (end - start) as usize)
            .map(Cow::Owned)
    }

    fn file_text(&self, start: u64, len: usize) -> Result<String> {
        let mut bytes = vec![0; len];
        let Some(spool) = &self.spool else {
            return Ok(String::new());
        };
        let mut file = spool.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.bytes() - self.memory.len() as u64 - self.waiting.len() as u64;
        if start >= written {
            let at = (start - written) as usize;
            bytes.copy_from_slice(&self.waiting[at..at + len]);
        } else {
            file.seek(SeekFrom::Start(start)).map_err(spool_error)?;
            file.read_exact(&mut bytes).map_err(spool_error)?;
        }
        drop(file);
        String::from_utf8(bytes)
            .map_err(|_| Error::content("temporary file", "its texts were changed", "start again"))
    }
}

impl TextSource for Texts {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> Result<Cow<'_, str>> {
        Self::get(self, index)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Texts {
    /// All in memory.
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut all = Self::bounded(u64::MAX);
        for text in texts {
            all.memory.push_str(text.as_ref());
            all.ends.push(all.memory.len() as u64);
        }
        all
    }
}

fn spool_error(source: std::io::Error) -> Error {
    Error::content(
        "temporary file for texts beyond `memory_bytes`",
        source,
        "free some disk, set TMPDIR to a folder with room, or raise `memory_bytes`",
    )
}
