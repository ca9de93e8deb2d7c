use crate::{
    ClassificationSummary, Error, Estimates, Evaluation, LabelSummary, Labelled, Metric,
    Predictions, RegressionSummary, Series, TagSummary, Tagged,
};

/// Predictions beside what is true, whatever they are: the one place where metrics and evaluations are made of them.
#[derive(Debug, Clone)]
pub enum Compared<'a> {
    /// One of several classes a row.
    Classes(Predictions<'a>),
    /// Any number of labels a row.
    Labels(Labelled<'a>),
    /// A tag for each token.
    Tags(Tagged<'a>),
    /// Numbers.
    Values(Estimates<'a>),
}

impl Compared<'_> {
    /// A metric; `None` where the rows do not define it.
    ///
    /// # Errors
    /// [`Error::MetricMisfit`] if it is one of other predictions.
    pub fn metric(&self, metric: Metric) -> Result<Option<f64>, Error> {
        match self {
            Self::Classes(predictions) => metric.of_classification(predictions),
            Self::Labels(labelled) => metric.of_labels(labelled),
            Self::Tags(tagged) => metric.of_tags(tagged),
            Self::Values(estimates) => metric.of_regression(estimates),
        }
    }

    /// Some metrics by their names.
    ///
    /// # Errors
    /// As [`Compared::metric`].
    pub fn series(&self, metrics: &[Metric]) -> Result<Series, Error> {
        let named = |metric: &Metric| Ok((metric.to_string(), self.metric(*metric)?));
        metrics.iter().map(named).collect()
    }

    /// Everything that a report shows.
    #[must_use]
    pub fn evaluation(&self) -> Evaluation {
        match self {
            Self::Classes(predictions) => {
                Evaluation::Classification(Box::new(ClassificationSummary::compute(predictions)))
            }
            Self::Labels(labelled) => Evaluation::Labels(Box::new(LabelSummary::compute(labelled))),
            Self::Tags(tagged) => Evaluation::Tags(Box::new(TagSummary::compute(tagged))),
            Self::Values(estimates) => {
                Evaluation::Regression(Box::new(RegressionSummary::compute(estimates)))
            }
        }
    }
}
