use serde::{Deserialize, Serialize};

/// How many words and tokens have pretrained vectors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pretrained {
    /// The file.
    pub file: String,
    /// The parameter that begins with them.
    pub parameter: String,
    /// Whether training changes them.
    pub trained: bool,
    /// Words of the vocabulary.
    pub words: u64,
    /// Those of them that have a vector.
    pub found: u64,
    /// Tokens of the training part.
    pub tokens: u64,
    /// Those of them that have a vector.
    pub covered: u64,
    /// The most frequent words that have none, at most 50.
    pub missing: Vec<String>,
}

impl Pretrained {
    /// How much is covered, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        format!(
            "pretrained vectors ({}, {}): {} of {} words of the vocabulary ({:.1} %), {:.1} % of the training part's tokens; \
             the others begin at random",
            self.file,
            if self.trained { "trained on" } else { "frozen" },
            self.found,
            self.words,
            share(self.found, self.words),
            share(self.covered, self.tokens),
        )
    }
}
