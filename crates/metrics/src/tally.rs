use serde::{Deserialize, Serialize};

use crate::average::{mean, ratio};
use crate::{Average, Averages};

/// How often something is true, how often it is said, and how often both: a label, a tag, or spans of a type.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How often it is true.
    pub support: f64,
    /// How often it is said.
    pub predicted: f64,
    /// How often it is said and true.
    pub correct: f64,
}

impl Tally {
    /// The share of what is said that is true; 0 if nothing is said.
    pub fn precision(&self) -> f64 {
        ratio(self.correct, self.predicted)
    }

    /// The share of what is true that is said; 0 if nothing is true.
    pub fn recall(&self) -> f64 {
        ratio(self.correct, self.support)
    }

    /// The harmonic mean of precision and recall; 0 if it is neither said nor true.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.correct, self.support + self.predicted)
    }

    /// Whether it is said or true at all.
    pub fn occurs(&self) -> bool {
        self.support > 0.0 || self.predicted > 0.0
    }

    /// All together.
    pub fn sum(tallies: &[Self]) -> Self {
        tallies.iter().fold(Self::default(), |sum, next| Self {
            support: sum.support + next.support,
            predicted: sum.predicted + next.predicted,
            correct: sum.correct + next.correct,
        })
    }

    /// Averages `score`, one of [`Tally::precision`], [`Tally::recall`] and [`Tally::f1`], over all of `tallies`;
    /// [`Average::Binary`] is that of the second.
    pub fn average(tallies: &[Self], how: Average, score: fn(&Self) -> f64) -> f64 {
        let weighted = |weight: fn(&Self) -> f64| {
            mean(tallies.iter().map(|tally| (score(tally), weight(tally)))).unwrap_or(0.0)
        };
        match how {
            Average::Binary => tallies.get(1).map_or(0.0, score),
            Average::Micro => score(&Self::sum(tallies)),
            Average::Macro => weighted(|_| 1.0),
            Average::Weighted => weighted(|tally| tally.support),
        }
    }

    /// All three averages of a score.
    pub fn averages(tallies: &[Self], score: fn(&Self) -> f64) -> Averages {
        Averages {
            unweighted: Self::average(tallies, Average::Macro, score),
            micro: Self::average(tallies, Average::Micro, score),
            weighted: Self::average(tallies, Average::Weighted, score),
        }
    }
}
