use super::{Scheme, Tagged, span_tallies, tag_tallies, token_accuracy};
use crate::Error;
use crate::{Average, Metric, Tally};

impl Metric {
    /// Checks before any training that the metric can be computed for a tagger with tags of these names.
    ///
    /// # Errors
    ///
    /// [`Error::MetricMisfit`] with what to use instead.
    pub fn check_tags(self, names: &[String]) -> Result<(), Error> {
        match self {
            Self::Precision(Average::Binary)
            | Self::Recall(Average::Binary)
            | Self::F1(Average::Binary) => Err(self.misfit(
                "is of one class, and there are several tags",
                format!("use `span_{self}` or `{self}_macro`"),
            )),
            Self::Accuracy
            | Self::BalancedAccuracy
            | Self::Precision(_)
            | Self::Recall(_)
            | Self::F1(_) => Ok(()),
            Self::SpanPrecision | Self::SpanRecall | Self::SpanF1 => match Scheme::of(names) {
                Some(_) => Ok(()),
                None => Err(self.misfit(
                    "needs tags that mark spans, such as O, B-PER, I-PER",
                    "use accuracy or f1_macro for other tags",
                )),
            },
            _ => Err(self.misfit("does not measure tags", "use span_f1, accuracy or f1_macro")),
        }
    }

    /// Computes a metric of tags; `None` where the texts do not define it.
    ///
    /// # Errors
    ///
    /// As [`Metric::check_tags`].
    pub fn of_tags(self, tagged: &Tagged) -> Result<Option<f64>, Error> {
        self.check_tags(tagged.names())?;
        let spans =
            |score: fn(&Tally) -> f64| span_tallies(tagged).map(|all| score(&Tally::sum(&all)));
        Ok(match self {
            Self::Accuracy => Some(token_accuracy(tagged)),
            Self::BalancedAccuracy => Some(balanced_accuracy(tagged)),
            Self::Precision(how) => Some(over_tags(tagged, how, Tally::precision)),
            Self::Recall(how) => Some(over_tags(tagged, how, Tally::recall)),
            Self::F1(how) => Some(over_tags(tagged, how, Tally::f1)),
            Self::SpanPrecision => spans(Tally::precision),
            Self::SpanRecall => spans(Tally::recall),
            Self::SpanF1 => spans(Tally::f1),
            _ => None,
        })
    }
}

/// The average over the tags that occur.
fn over_tags(tagged: &Tagged, how: Average, score: fn(&Tally) -> f64) -> f64 {
    let mut tallies = tag_tallies(tagged);
    tallies.retain(Tally::occurs);
    Tally::average(&tallies, how, score)
}

/// The mean recall over the tags that some token has.
fn balanced_accuracy(tagged: &Tagged) -> f64 {
    let mut tallies = tag_tallies(tagged);
    tallies.retain(|tally| tally.support > 0.0);
    Tally::average(&tallies, Average::Macro, Tally::recall)
}
