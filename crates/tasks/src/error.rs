use std::path::Path;

/// What can go wrong on the way from files to a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe is wrong.
    #[error(transparent)]
    Recipe(Box<crate::recipe::RecipeError>),
    /// A setting is out of its range or does not fit the data or another one.
    #[error("{name}: {reason}; {remedy}")]
    Setting {
        /// The setting, as it stands in a recipe.
        name: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A training fails.
    #[error(transparent)]
    Train(Box<jingwei_train::Error>),
    /// Nothing can be measured.
    #[error(transparent)]
    Metrics(#[from] jingwei_metrics::Error),
    /// A report cannot be made.
    #[error(transparent)]
    Report(#[from] jingwei_report::Error),
    /// Data cannot be used.
    #[error(transparent)]
    Data(#[from] jingwei_data::Error),
    /// A network, a loss or an optimiser does not fit.
    #[error(transparent)]
    Network(#[from] jingwei_nn::Error),
    /// A bundle cannot be written or read.
    #[error(transparent)]
    Bundle(#[from] jingwei_bundle::Error),
    /// A network cannot be planned.
    #[error(transparent)]
    Engine(#[from] jingwei_engine::Error),
}

impl Error {
    /// What the fit loop or its files said, if it was they.
    #[must_use]
    pub fn training(&self) -> Option<&jingwei_train::Error> {
        match self {
            Self::Train(error) => Some(error),
            _ => None,
        }
    }

    /// Wraps an error of the file system.
    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let wrap = jingwei_train::Error::file(path, action);
        move |source| wrap(source).into()
    }
}

impl From<jingwei_train::Error> for Error {
    /// What both crates can say is said by this one.
    fn from(error: jingwei_train::Error) -> Self {
        use jingwei_train::Error as Train;
        match error {
            Train::Setting {
                name,
                reason,
                remedy,
            } => Self::Setting {
                name,
                reason,
                remedy,
            },
            Train::Metrics(error) => Self::Metrics(error),
            Train::Data(error) => Self::Data(error),
            Train::Network(error) => Self::Network(error),
            Train::Bundle(error) => Self::Bundle(error),
            Train::Engine(error) => Self::Engine(error),
            other => Self::Train(Box::new(other)),
        }
    }
}
