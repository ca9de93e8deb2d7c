/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The report's data do not fit together.
    #[error("report: {what}: expected {expected}, found {found}")]
    Misfit {
        /// What does not fit.
        what: String,
        /// What it should be.
        expected: String,
        /// What came.
        found: String,
    },
    /// The report's page could not be rendered.
    #[error("report: the page could not be rendered: {0}")]
    Template(#[from] minijinja::Error),
}
