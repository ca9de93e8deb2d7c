use serde::{Deserialize, Serialize};

use crate::{ClassificationSummary, LabelSummary, RegressionSummary, TagSummary};

/// How good a model is on one part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluation {
    /// Of a classifier.
    Classification(Box<ClassificationSummary>),
    /// Of a classifier with several labels a row.
    Labels(Box<LabelSummary>),
    /// Of a tagger.
    Tags(Box<TagSummary>),
    /// Of a regression.
    Regression(Box<RegressionSummary>),
}

/// Classes up to which all scores are kept with a model, and confusions that are kept of more.
const KEPT: usize = 100;

impl Evaluation {
    /// What is kept of an evaluation with the model: of up to 100 classes everything. Of more, the figures of all
    /// classes together and the 100 most frequent confusions; of tags, which carry their names, the first 100 too.
    #[must_use]
    pub fn abridged(&self) -> Self {
        let mut abridged = self.clone();
        match &mut abridged {
            Self::Classification(summary) if summary.classes.len() > KEPT => {
                summary.classes.clear();
                summary.confusion = summary.confusion.abridged(KEPT);
            }
            Self::Labels(summary) if summary.labels.len() > KEPT => summary.labels.clear(),
            Self::Tags(summary) if summary.tags.len() > KEPT => {
                summary.tags.truncate(KEPT);
                summary.confusion = summary.confusion.abridged(KEPT);
                if let Some(spans) = &mut summary.spans {
                    spans.types.truncate(KEPT);
                }
            }
            Self::Classification(_) | Self::Labels(_) | Self::Tags(_) | Self::Regression(_) => {}
        }
        abridged
    }
}
