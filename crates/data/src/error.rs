//! The errors of this crate: where, why, and what to do about it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong between a file and a batch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read at all.
    #[error("{path}: cannot be read ({source}); check that it exists and that you may read it", path = path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The content of a source is not what it should be.
    #[error("{place}: {cause}; {remedy}")]
    Content {
        /// File, and row or byte where there is one.
        place: String,
        /// What is wrong.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// Reading on would take more memory than the limit allows.
    #[error("{place}: needs {needed} bytes of memory, the limit is {limit}; {remedy}")]
    TooLarge {
        /// File, and row where there is one.
        place: String,
        /// Bytes that would be needed.
        needed: u64,
        /// Bytes that are allowed.
        limit: u64,
        /// What to do about it.
        remedy: String,
    },
    /// A setting is outside its bounds, or does not fit the data.
    #[error("setting `{name}`: {cause}; {remedy}")]
    Setting {
        /// The setting, spelled as in a recipe.
        name: String,
        /// What is wrong.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// A picture has more pixels than the limit allows.
    #[error("{place}: the picture has {pixels} pixels, the limit is {limit}; make it smaller")]
    TooManyPixels {
        /// File or record.
        place: String,
        /// Its pixels.
        pixels: u64,
        /// Pixels that are allowed.
        limit: u64,
    },
    /// The memory or time that this work may take is used up.
    #[error(transparent)]
    Exceeded(#[from] jingwei_bounds::Exceeded),
    /// Texts cannot be read or prepared.
    #[error(transparent)]
    Text(#[from] jingwei_text::Error),
}

impl Error {
    pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn content(
        place: impl ToString,
        cause: impl ToString,
        remedy: impl ToString,
    ) -> Self {
        Self::Content {
            place: place.to_string(),
            cause: cause.to_string(),
            remedy: remedy.to_string(),
        }
    }

    pub(crate) fn setting(
        name: impl ToString,
        cause: impl ToString,
        remedy: impl ToString,
    ) -> Self {
        Self::Setting {
            name: name.to_string(),
            cause: cause.to_string(),
            remedy: remedy.to_string(),
        }
    }
}

/// What a reader does about a bad sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBad {
    /// It stops with an error.
    #[default]
    Stop,
    /// It leaves the sample out, and lists it in [`crate::Dataset::quarantine`].
    Quarantine,
}

/// A sample that was left out because the caller asked for bad samples to be set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// File, and row where there is one.
    pub origin: String,
    /// Why it was left out.
    pub reason: String,
}

impl OnBad {
    /// Returns the error, or puts it on the list.
    pub(crate) fn handle(self, error: Error, list: &mut Vec<Quarantined>) -> Result<()> {
        if self == Self::Stop {
            return Err(error);
        }
        let (origin, reason) = match error {
            Error::Content { place, cause, .. } => (place, cause),
            Error::Unreadable { path, source } => (path.display().to_string(), source.to_string()),
            Error::TooLarge { ref place, .. } | Error::TooManyPixels { ref place, .. } => {
                (place.clone(), error.to_string())
            }
            error => return Err(error),
        };
        list.push(Quarantined { origin, reason });
        Ok(())
    }
}

/// The first of many names, for a message that does not grow with them.
pub(crate) fn some<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("{:?}", name.as_ref()))
        .collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => format!("[{}]", shown.join(", ")),
        Some(more) => format!("[{}, and {more} more]", shown.join(", ")),
    }
}
