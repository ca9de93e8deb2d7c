use std::path::{Path, PathBuf};

/// What can go wrong with event files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}: {source}; check the path, the disk and your rights there", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, such as "write events".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something other than whole event records.
    #[error("{}: byte {position} is damaged: {reason}; restore the file or remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: usize,
        /// What is wrong there.
        reason: &'static str,
    },
}

impl Error {
    /// Wraps an error of the file system.
    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }
}
