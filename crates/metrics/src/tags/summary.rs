use serde::{Deserialize, Serialize};

use super::{SpanSummary, Tagged, tag_confusion, tag_tallies, token_accuracy};
use crate::{Averages, ConfusionMatrix, Tally};

/// Everything that an evaluation of a tagger shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagSummary {
    /// Number of texts.
    pub rows: usize,
    /// Number of tokens.
    pub tokens: usize,
    /// Tokens that got no tag, because their text was cut.
    pub cut: usize,
    /// See [`token_accuracy`].
    pub accuracy: f64,
    /// Over tokens, by tag.
    pub precision: Averages,
    /// Over tokens, by tag.
    pub recall: Averages,
    /// Over tokens, by tag.
    pub f1: Averages,
    /// The scores of each tag, by its number.
    pub tags: Vec<TagScores>,
    /// True against predicted tags.
    pub confusion: ConfusionMatrix,
    /// The spans; `None` if the tags mark none.
    pub spans: Option<SpanSummary>,
}

/// The scores of one tag against all others, over tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagScores {
    /// Its name.
    pub name: String,
    /// Number of tokens that have it.
    pub support: usize,
    /// Number of tokens that are said to have it.
    pub predicted: usize,
    /// The share of those said that are true.
    pub precision: f64,
    /// The share of those true that are said.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
}

impl TagSummary {
    /// Computes everything. Averages are over the tags that occur, as with scikit-learn.
    pub fn compute(tagged: &Tagged) -> Self {
        let tallies = tag_tallies(tagged);
        let occurring: Vec<Tally> = tallies.iter().copied().filter(Tally::occurs).collect();
        Self {
            rows: tagged.rows(),
            tokens: tagged.tokens(),
            cut: tagged.cut(),
            accuracy: token_accuracy(tagged),
            precision: Tally::averages(&occurring, Tally::precision),
            recall: Tally::averages(&occurring, Tally::recall),
            f1: Tally::averages(&occurring, Tally::f1),
            tags: tallies.iter().zip(tagged.names()).map(tag_scores).collect(),
            confusion: tag_confusion(tagged),
            spans: SpanSummary::compute(tagged),
        }
    }
}

fn tag_scores((tally, name): (&Tally, &String)) -> TagScores {
    TagScores {
        name: name.clone(),
        support: tally.support as usize,
        predicted: tally.predicted as usize,
        precision: tally.precision(),
        recall: tally.recall(),
        f1: tally.f1(),
    }
}
