//! The tokens of one kind.

use jingwei_graph::{NodeId, ops};
use serde::{Deserialize, Serialize};

use super::{Build, Builder};
use crate::{Error, Result};

/// The tokens of one kind of a text that comes as words and characters, in their order, with padding behind them: a
/// network may read words in one branch and characters in another.
///
/// # Shapes
/// Input `[batch, time]` of token ids, 0 being padding; the result has the same.
///
/// ```
/// use jingwei_nn::{Embedding, GlobalAvgPool1d, Network, TIME, TokenFilter, TokenKind};
/// let mut network = Network::new();
/// let text = network.input([TIME]);
/// // Ids 1 to 3 are characters, 4 to 9 words.
/// let words = network.layer(text, TokenFilter::new(TokenKind::Words, 4));
/// let vectors = network.layer(words, Embedding::new(10, 8));
/// network.layer(vectors, GlobalAvgPool1d::default());
/// assert_eq!(network.summary()?.parameters(), 80);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFilter {
    /// What is kept.
    pub keep: TokenKind,
    /// The first id of a word, those below being characters; 0, the default, for that of the data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first_word: usize,
}

/// A kind of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Characters.
    Characters,
    /// Words.
    Words,
}

impl TokenFilter {
    /// Tokens of one kind, where words begin at an id.
    #[must_use]
    pub fn new(keep: TokenKind, first_word: usize) -> Self {
        Self { keep, first_word }
    }
}

impl Build for TokenFilter {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let ids = builder.one(inputs)?;
        if builder.dims(ids).len() != 1 {
            return Err(builder.expected("token ids [batch, time]", ids));
        }
        if !(2..ops::SelectIds::MOST).contains(&self.first_word) {
            return Err(Error::Setting {
                place: builder.place(),
                setting: "first_word",
                expected: "the first id of a word, which texts have with the tokenizer `words_and_characters`",
                found: self.first_word.to_string(),
            });
        }
        let (from, to) = match self.keep {
            TokenKind::Characters => (1, self.first_word),
            TokenKind::Words => (self.first_word, ops::SelectIds::MOST),
        };
        builder.add(ops::SelectIds { from, to }, &[ids])
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}
