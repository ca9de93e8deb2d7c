//! What a report tells of texts: plain data, all of it optional.

use serde::{Deserialize, Serialize};

use jingwei_data::prepare::Pretrained;
use jingwei_metrics::Evaluation;
use jingwei_metrics::SpanErrorKind;

/// Bins of a histogram of lengths.
const BINS: usize = 40;

/// Everything that only reports of texts show. Empty parts are left out of the page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TextReport {
    /// Lengths, vocabulary, languages, what was set aside.
    pub data: Option<TextData>,
    /// Texts that come more than once; none if they were not looked for.
    pub duplicates: Option<DuplicateTexts>,
    /// Embeddings that began with pretrained vectors.
    pub pretrained: Vec<Pretrained>,
    /// An ordinary method on the same texts.
    pub baseline: Option<BaselineScores>,
    /// The texts that the model gets most wrong, worst first.
    pub worst: Vec<WorstText>,
    /// Which tokens of some texts moved the decision.
    pub explanations: Vec<Explanation>,
    /// Wrong spans of a tagger in their texts.
    pub tag_errors: Vec<TagError>,
}

/// The texts of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TextData {
    /// What a token is, in the plural: "words", "characters", "word pieces".
    pub unit: String,
    /// How long the texts of all parts are, in tokens.
    pub lengths: Lengths,
    /// Texts are cut to so many tokens; 0 if they are not.
    pub length_limit: u64,
    /// Number of tokens that the model knows.
    pub vocabulary: u64,
    /// Number of different tokens in the training part, known or not; 0 if unknown.
    pub distinct: u64,
    /// Those of them that occur once only.
    pub once: u64,
    /// The most frequent tokens of the training part.
    pub frequent: Vec<Counted>,
    /// Figures of each part.
    pub parts: Vec<TextPart>,
    /// Languages or scripts, with their texts.
    pub scripts: Vec<Counted>,
    /// Encodings of the files, with their texts.
    pub encodings: Vec<Counted>,
    /// Texts that were used.
    pub kept: u64,
    /// Texts that were not used, by cause; changes to texts that were used do not belong here.
    pub set_aside: Vec<Counted>,
    /// What was done to texts that were used, such as "cut to 256 tokens".
    pub changed: Vec<Counted>,
    /// Texts of which nothing tells the model anything, by cause; they were used all the same.
    pub bare: Vec<BareTexts>,
}

/// Texts that come more than once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DuplicateTexts {
    /// Texts that are the same as an earlier one, letter by letter.
    pub exact: u64,
    /// Further texts that are nearly the same as an earlier one.
    pub near: u64,
    /// Groups of texts that are the same or nearly so.
    pub groups: u64,
    /// Whether all but one of a group were left out; otherwise groups of one file are on one side of the split.
    pub dropped: bool,
    /// How many were left out.
    pub left_out: u64,
    /// Texts of each part that is held back which are in the training part too, where there are any.
    pub crossing: Vec<Counted>,
    /// Some groups, or the first texts of them.
    pub examples: Vec<Vec<DuplicateText>>,
}

/// A text that comes more than once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DuplicateText {
    /// The text.
    pub text: String,
    /// The part that it is in; empty if it was left out.
    pub part: String,
    /// Where it came from: a file and a row.
    pub origin: String,
}

impl DuplicateTexts {
    /// What was found and what was done, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let texts = |count: u64| match count {
            1 => "1 text".to_owned(),
            count => format!("{count} texts"),
        };
        if self.groups == 0 {
            return "no text comes more than once".to_owned();
        }
        let groups = match self.groups {
            1 => "1 group".to_owned(),
            groups => format!("{groups} groups"),
        };
        let done = match self.dropped {
            true => format!("{} left out of the training", texts(self.left_out)),
            false if self.crossing.is_empty() => "none is torn apart by a split".to_owned(),
            false => "kept together where that left enough to measure on".to_owned(),
        };
        let crossing = self.crossing.iter().map(|part| {
            let texts = texts(part.count);
            format!(
                "; {texts} of the {} part in the training part too",
                part.name
            )
        });
        let found = format!(
            "{} the same as an earlier one, {} nearly so, in {groups}: {done}",
            texts(self.exact),
            self.near
        );
        found + &crossing.collect::<String>()
    }
}

/// One part of the texts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TextPart {
    /// Its name, such as "train".
    pub name: String,
    /// Number of texts.
    pub texts: u64,
    /// Number of tokens.
    pub tokens: u64,
    /// Tokens that the vocabulary does not hold.
    pub unknown: u64,
    /// Texts that are longer than the limit.
    pub cut: u64,
}

/// A name and how often it occurs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// What it is.
    pub name: String,
    /// How often.
    pub count: u64,
}

impl Counted {
    /// A name and how often it occurs.
    pub fn new(name: impl Into<String>, count: u64) -> Self {
        Self {
            name: name.into(),
            count,
        }
    }
}

/// Texts of which nothing tells the model anything.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BareTexts {
    /// Why not.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// The place of the first.
    pub first: String,
}

impl BareTexts {
    /// What became of them, and where the first is.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("kept, but {}; the first: {}", self.cause, self.first)
    }
}

/// How long texts are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lengths {
    /// The mean.
    pub mean: f64,
    /// Half of the texts are no longer.
    pub median: u64,
    /// 95 of 100 texts are no longer.
    pub most: u64,
    /// The longest.
    pub longest: u64,
    /// Lengths that one bin covers.
    pub width: u64,
    /// Texts in each bin, from length 0 on.
    pub bins: Vec<u64>,
    /// Texts that are longer than all bins: at most one of a hundred.
    pub beyond: u64,
}

impl Lengths {
    /// Counts lengths in at most 40 bins, up to the length that 99 of 100 texts have at most.
    ///
    /// ```
    /// use jingwei_report::Lengths;
    ///
    /// let lengths = Lengths::of([3, 0, 5, 4]);
    /// assert_eq!((lengths.median, lengths.longest, lengths.mean), (3, 5, 3.0));
    /// assert_eq!(lengths.bins, [1, 0, 0, 1, 1, 1]);
    /// ```
    pub fn of(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut sorted: Vec<u64> = lengths.into_iter().map(|length| length as u64).collect();
        sorted.sort_unstable();
        let Some(&longest) = sorted.last() else {
            return Self::default();
        };
        let at = |share: f64| sorted[((sorted.len() as f64 * share).ceil() as usize).max(1) - 1];
        let width = (at(0.99) + 1).div_ceil(BINS as u64);
        let mut bins = vec![0; (at(0.99) / width + 1) as usize];
        let mut beyond = 0;
        for length in &sorted {
            match bins.get_mut((length / width) as usize) {
                Some(bin) => *bin += 1,
                None => beyond += 1,
            }
        }
        Self {
            mean: sorted.iter().sum::<u64>() as f64 / sorted.len() as f64,
            median: at(0.5),
            most: at(0.95),
            longest,
            width,
            bins,
            beyond,
        }
    }
}

/// How good an ordinary method is on the same parts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BaselineScores {
    /// What it is, such as "TF-IDF and logistic regression".
    pub name: String,
    /// How good it is on the validation part.
    pub valid: Option<Evaluation>,
    /// How good it is on the test part.
    pub test: Option<Evaluation>,
    /// Wall time of fitting it.
    pub seconds: f64,
}

/// A text that the model gets wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorstText {
    /// The whole text, as it stood in the file.
    pub text: String,
    /// Its true classes: one, or any number of labels.
    pub truth: Vec<usize>,
    /// The classes that the model says.
    pub predicted: Vec<usize>,
    /// The probability of what the model says.
    pub probability: f32,
    /// The probability that the model gives to what is true.
    pub truth_probability: f32,
    /// Where it came from: a file and a row.
    pub origin: String,
}

/// Which tokens of a text moved the decision.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The text in pieces, in order and with the blanks between them; joined they are the text.
    pub tokens: Vec<TokenWeight>,
    /// The class that the weights are of.
    pub class: usize,
    /// The probability of that class.
    pub probability: f32,
    /// The true class, if it is known.
    pub truth: Option<usize>,
    /// Where it came from: a file and a row.
    pub origin: String,
}

/// A piece of a text and how far it moved the decision.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TokenWeight {
    /// The piece as it stands in the text.
    pub text: String,
    /// By how much the probability of the class falls without it: above 0 it speaks for the class, below against it.
    pub weight: f32,
}

/// A wrong span in its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagError {
    /// In which way it is wrong.
    pub kind: SpanErrorKind,
    /// The tokens of the text, or those around the error.
    pub tokens: Vec<String>,
    /// What is true of these tokens.
    pub truth: Vec<TagSpan>,
    /// What the model says of these tokens.
    pub predicted: Vec<TagSpan>,
    /// The tokens of the error itself: the first, and the one after the last.
    pub place: (usize, usize),
    /// Where it came from: a file and a row.
    pub origin: String,
}

/// A span of tokens with its type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TagSpan {
    /// The first token.
    pub start: usize,
    /// The token after the last one.
    pub end: usize,
    /// The type.
    pub name: String,
}
