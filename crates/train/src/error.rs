use std::path::PathBuf;

/// What can go wrong in measuring, logging and reporting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A metric does not fit, or its inputs cannot be measured.
    #[error(transparent)]
    Metrics(#[from] jingwei_metrics::Error),
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {source}; {}", path.display(), remedy(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, such as "write the history".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A log contains something that this program did not write.
    #[error("{}: {place} is damaged: {reason}; restore the file or remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file, such as "line 3" or "byte 120".
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A setting is out of its range or does not fit another one.
    #[error("{name}: {reason}; {remedy}")]
    Setting {
        /// The setting, as it stands in a recipe.
        name: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The loss or a parameter is no longer a number.
    #[error(
        "training diverged in step {step}: {reason}; the largest gradient is that of `{parameter}` ({gradient:.3e}). \
         Lower the learning rate, or clip gradients with `clip = {{ global_norm = 1.0 }}`; earlier checkpoints are kept"
    )]
    Diverged {
        /// The step, from 1.
        step: u64,
        /// What is no number.
        reason: String,
        /// The parameter whose gradient is largest.
        parameter: String,
        /// The length of that gradient.
        gradient: f64,
    },
    /// The model gives a sample something that isn't a finite number.
    #[error(
        "{place}: the model's answer is {value}, which is none; give numbers of the size that the model was trained on, or \
         leave this sample out"
    )]
    NoAnswer {
        /// The sample: file, and row where there is one.
        place: String,
        /// NaN or an infinity.
        value: f32,
    },
    /// Another process trains in the same folder.
    #[error(
        "{}: another process{} trains here; wait for it, stop it, or choose another run folder",
        folder.display(),
        if process.is_empty() { String::new() } else { format!(" ({process})") }
    )]
    Locked {
        /// The run folder.
        folder: PathBuf,
        /// The number of the other process; empty if unknown.
        process: String,
    },
    /// A run folder holds a training of something else.
    #[error(
        "{}: the training there differs from this one in {differences}; restore what it was, or choose another run folder",
        folder.display()
    )]
    OtherTraining {
        /// The run folder.
        folder: PathBuf,
        /// What differs, and how.
        differences: String,
    },
    /// Data cannot be used.
    #[error(transparent)]
    Data(#[from] jingwei_data::Error),
    /// A network, a loss or an optimiser does not fit.
    #[error(transparent)]
    Network(#[from] jingwei_nn::Error),
    /// A network cannot be differentiated.
    #[error(transparent)]
    Graph(#[from] jingwei_graph::Error),
    /// A bundle cannot be written or read.
    #[error(transparent)]
    Bundle(#[from] jingwei_bundle::Error),
    /// A network cannot be planned.
    #[error(transparent)]
    Engine(#[from] jingwei_engine::Error),
}

impl Error {
    /// Wraps an error of the file system.
    pub fn file(
        path: &std::path::Path,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }
}

impl From<jingwei_tensorboard::Error> for Error {
    fn from(error: jingwei_tensorboard::Error) -> Self {
        use jingwei_tensorboard::Error as Events;
        match error {
            Events::File {
                path,
                action,
                source,
            } => Self::File {
                path,
                action,
                source,
            },
            Events::Damaged {
                path,
                position,
                reason,
            } => Self::Damaged {
                path,
                place: format!("byte {position}"),
                reason: reason.to_owned(),
            },
        }
    }
}

/// What to do about an error of the file system.
fn remedy(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on that disk and run the same command again: what was written before is whole"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "check that you may read and write there, or choose another folder"
        }
        ErrorKind::NotFound => "check the path",
        _ => "check the path and the disk",
    }
}
