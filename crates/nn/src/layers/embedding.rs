//! Vectors for tokens.

use jingwei_graph::NodeId;
use jingwei_graph::ops::{self, CompareKind};
use serde::{Deserialize, Serialize};

use super::{Build, Builder, settings};
use crate::build::Prior;
use crate::{Error, Initializer, Result, Uniform};

/// For each token id the row of a table: vectors that are learned.
///
/// Where id 0 is padding (`mask_zero`), the layers that join steps pass over it. With `ngrams` = n above 1, the ids of n
/// neighbouring tokens are hashed into `buckets` rows by [`ops::NgramHash`], which has padding at the end of a text and
/// around padding (Joulin et al. 2016).
///
/// # Shapes
/// Input `[batch, time]` of whole numbers below `input_dim`, result `[batch, time, units]`. The parameter `embeddings` is
/// `[input_dim, units]`, or `[buckets, units]`.
///
/// # Row-sparse gradients
/// A large table (2²¹ values and more) that nothing but such layers reads gets gradients for those rows alone that a batch
/// names, and the optimiser updates no other: "row-sparse (lazy)", what it remembers of the others stays as it is. A step
/// costs the same for any number of rows then. `row_sparse` decides otherwise. Adam moves a row at once as far as its
/// momentum would while no batch names it, and forgets its squares as if every step had: the network is as good as with
/// dense updates.
///
/// # Pretrained vectors
/// With `vectors`, training begins with the vectors of a file, `units` numbers each, for the words that it has; the others
/// begin as ever. Frozen (`trainable = false`) or trained, they are weights like others afterwards, and the file is no
/// longer needed.
///
/// ```
/// use jingwei_nn::{Embedding, Sequential};
/// let network = Sequential::new([200]).layer(Embedding::new(20000, 128)).global_avg_pool1d().dense(2);
/// assert_eq!(network.summary()?.parameters(), 20000 * 128 + 128 * 2 + 2);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// The number of token ids, padding's included; 0, the default, for what the data have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_dim: usize,
    /// The length of a vector; Keras calls it `output_dim`.
    #[serde(alias = "output_dim")]
    pub units: usize,
    /// Whether id 0 is padding; true by default.
    #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
    pub mask_zero: bool,
    /// How many neighbouring tokens make an entry; 1 by default.
    #[serde(default = "settings::one", skip_serializing_if = "settings::is_one")]
    pub ngrams: usize,
    /// The rows for n-grams, at least 2; needed where `ngrams` is above 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buckets: usize,
    /// Whether the table is trained; true by default.
    #[serde(default = "settings::yes", skip_serializing_if = "settings::is_yes")]
    pub trainable: bool,
    /// Whether gradients are row-sparse, where they can be; by the size of the table by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_sparse: Option<bool>,
    /// A file of pretrained vectors: word2vec's or GloVe's text form, or `.npy` with the list of its words in `words`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<String>,
    /// For an `.npy` file of vectors, the file with its words, one a line, in the order of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The first values of the table; uniform within ±0.05 by default, as in Keras.
    #[serde(default = "uniform", skip_serializing_if = "is_uniform")]
    pub embeddings_initializer: Initializer,
}

impl Embedding {
    /// A table of `input_dim` rows (0 for as many as the data have ids) of `units` values with the defaults.
    #[must_use]
    pub fn new(input_dim: usize, units: usize) -> Self {
        Self {
            input_dim,
            units,
            mask_zero: true,
            ngrams: 1,
            buckets: 0,
            trainable: true,
            row_sparse: None,
            vectors: None,
            words: None,
            embeddings_initializer: uniform(),
        }
    }

    /// Whether id 0 is padding.
    #[must_use]
    pub fn mask_zero(mut self, mask_zero: bool) -> Self {
        self.mask_zero = mask_zero;
        self
    }

    /// Hashes `n` neighbouring tokens into `buckets` rows.
    #[must_use]
    pub fn ngrams(mut self, n: usize, buckets: usize) -> Self {
        (self.ngrams, self.buckets) = (n, buckets);
        self
    }

    /// Whether the table is trained.
    #[must_use]
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.trainable = trainable;
        self
    }

    /// Whether gradients are row-sparse, where they can be.
    #[must_use]
    pub fn row_sparse(mut self, row_sparse: bool) -> Self {
        self.row_sparse = Some(row_sparse);
        self
    }

    /// With the vectors of a text file as first values.
    #[must_use]
    pub fn vectors(mut self, file: impl Into<String>) -> Self {
        self.vectors = Some(file.into());
        self
    }

    /// With other first values of the table.
    #[must_use]
    pub fn embeddings_initializer(mut self, initializer: Initializer) -> Self {
        self.embeddings_initializer = initializer;
        self
    }

    fn rows(&self, builder: &Builder<'_>) -> Result<usize> {
        let wrong = |setting, expected, found: usize| Error::Setting {
            place: builder.place(),
            setting,
            expected,
            found: found.to_string(),
        };
        match (self.ngrams, self.input_dim) {
            (2.., _) if self.buckets < 2 => {
                Err(wrong("buckets", "at least 2 for n-grams", self.buckets))
            }
            (2.., _) => Ok(self.buckets),
            (1, 0) => Err(wrong(
                "input_dim",
                "the number of token ids, as no data have filled it in",
                0,
            )),
            (1, rows) => Ok(rows),
            _ => Err(wrong("ngrams", "at least 1", 0)),
        }
    }

    fn prior(&self, builder: &Builder<'_>) -> Result<Option<Prior>> {
        let wrong = |setting, expected, found: &String| {
            Err(Error::Setting {
                place: builder.place(),
                setting,
                expected,
                found: found.clone(),
            })
        };
        match (&self.vectors, &self.words) {
            (Some(file), _) if self.ngrams > 1 => {
                wrong("vectors", "none where n-grams are hashed", file)
            }
            (None, Some(file)) => wrong("words", "none without `vectors`", file),
            (None, None) => Ok(None),
            (Some(path), words) => Ok(Some(Prior::Vectors {
                path: path.clone(),
                words: words.clone(),
            })),
        }
    }
}

impl Build for Embedding {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let ids = builder.one(inputs)?;
        if builder.dims(ids).len() != 1 {
            return Err(builder.expected("token ids [batch, time]", ids));
        }
        builder.at_least_one("units", self.units)?;
        let sizes = [self.rows(builder)?, self.units];
        let prior = self.prior(builder)?;
        let initializer = self.embeddings_initializer;
        initializer.check(&builder.place(), "embeddings_initializer")?;
        let table = builder.parameter("embeddings", &sizes, initializer, true)?;
        if let Some(spec) = builder.built.parameters.last_mut() {
            (spec.trainable, spec.row_sparse) = (self.trainable, self.row_sparse);
            spec.prior = prior;
        }
        let ids = match self.ngrams {
            1 => ids,
            n => builder.add(
                ops::NgramHash {
                    n,
                    buckets: self.buckets,
                },
                &[ids],
            )?,
        };
        let y = builder.add(ops::Gather {}, &[table, ids])?;
        if self.mask_zero {
            let padding = builder.number(0.0)?;
            let kind = CompareKind::NotEqual;
            let mask = builder.add(ops::Compare { kind }, &[ids, padding])?;
            builder.set_mask(y, mask);
        }
        Ok(y)
    }
}

fn uniform() -> Initializer {
    Initializer::Uniform(Uniform::default())
}

fn is_uniform(initializer: &Initializer) -> bool {
    *initializer == uniform()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}
