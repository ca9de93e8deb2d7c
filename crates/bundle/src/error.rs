use std::path::{Path, PathBuf};

/// The result of writing, loading or running a bundle.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a bundle cannot be written, loaded or run: the place, the cause, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something.
    #[error("{path}: cannot be {action} ({source}); {remedy}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "cannot be read".
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A bundle that cannot be trusted.
    #[error("{path}: {cause}; {remedy}", path = path.display())]
    Refused {
        /// The file that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A bundle of a later version of the format.
    #[error(
        "{path}: has version {found} of the format (written by Jingwei {library:.64}), and this program reads versions up \
         to {known}; install that version of Jingwei or a later one",
        path = path.display()
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// The version that it states.
        found: u64,
        /// The library version that it states.
        library: String,
        /// The latest version that this library reads.
        known: u32,
    },
    /// The folder to write to is in use.
    #[error("{path}: {cause}; {remedy}", path = path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
        /// Why it is not touched.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// What shall be written cannot make a bundle.
    #[error("the bundle cannot be made: {0}")]
    Parts(String),
    /// What was given to predict from does not fit the model.
    #[error("{place}: {cause}; {remedy}")]
    Input {
        /// The input or record.
        place: String,
        /// Expected and found.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// The model answers with something that isn't a finite number.
    #[error(
        "{place}: the model's output `{output}` is {value}, which is no answer; give numbers of the size that the model \
         was trained on"
    )]
    NotFinite {
        /// The record or sample.
        place: String,
        /// Its number, from 0.
        record: usize,
        /// The output's name.
        output: String,
        /// NaN or an infinity.
        value: f32,
    },
    /// The recorded predictions do not come out again.
    #[error(
        "{path}: sample {sample}, {place}: {found} was computed where {expected} is recorded; the file is damaged or \
         this machine computes wrongly, so do not use the model here",
        path = path.display()
    )]
    Mismatch {
        /// The file of weights.
        path: PathBuf,
        /// The output, or the input that was prepared.
        place: String,
        /// The recorded sample.
        sample: usize,
        /// As recorded.
        expected: f32,
        /// As computed.
        found: f32,
    },
    /// The memory or time that this work may take is used up.
    #[error(transparent)]
    Exceeded(#[from] jingwei_bounds::Exceeded),
    /// A record cannot be prepared.
    #[error(transparent)]
    Data(#[from] jingwei_data::Error),
    /// The graph cannot be planned.
    #[error(transparent)]
    Engine(#[from] jingwei_engine::Error),
}

/// What to do about a bundle that is wrong.
pub(crate) const DAMAGED: &str =
    "the bundle is damaged or was made by something else: get it again from where it was trained";

impl Error {
    /// Names the place of a record that only the caller knows, such as file and row.
    #[must_use]
    pub fn at(mut self, origin: String) -> Self {
        if let Self::NotFinite { place, .. } = &mut self {
            *place = origin;
        }
        self
    }

    pub(crate) fn reading(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            action: "read",
            source,
            remedy: "check that it exists and that you may read it",
        }
    }

    pub(crate) fn writing(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            action: "written",
            source,
            remedy: "check the free space and that you may write there; an earlier bundle is unchanged",
        }
    }

    pub(crate) fn refused(path: &Path, cause: impl ToString) -> Self {
        Self::Refused {
            path: path.to_owned(),
            cause: cause.to_string(),
            remedy: DAMAGED,
        }
    }

    pub(crate) fn input(place: impl ToString, cause: impl ToString, remedy: impl ToString) -> Self {
        Self::Input {
            place: place.to_string(),
            cause: cause.to_string(),
            remedy: remedy.to_string(),
        }
    }
}
