//! Pretrained word vectors as the first values of an embedding.

use jingwei_data::prepare::VectorFile;
use jingwei_data::{BatchSource, Preparation};
use jingwei_nn::ParameterSpec;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The id of what the vocabulary does not hold.
const UNKNOWN: u32 = 1;

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

/// Where the vectors are.
pub(crate) fn file(path: &str, words: Option<&str>) -> VectorFile {
    VectorFile {
        path: path.into(),
        vocabulary: words.map(Into::into),
    }
}

/// Writes the vectors of the vocabulary's words over the first values of a table.
///
/// # Errors
/// If the file cannot be read or is damaged, its vectors have another length, or the samples are no texts.
pub(crate) fn fill(
    file: &VectorFile,
    parameter: &ParameterSpec,
    preparation: &Preparation,
    source: &BatchSource<'_>,
    table: &mut [f32],
) -> Result<Pretrained, Error> {
    let wrong = |reason: String, remedy: String| Error::Setting {
        name: "embedding.vectors".to_owned(),
        reason,
        remedy,
    };
    let (Some(text), Some(ids)) = (preparation.text(), source.token_ids()) else {
        let remedy = "leave `vectors` out";
        return Err(wrong(
            "the samples are no texts".to_owned(),
            remedy.to_owned(),
        ));
    };
    let vectors = file
        .load(&text.vocabulary)
        .map_err(jingwei_data::Error::from)?;
    let units = parameter.sizes.last().copied().unwrap_or_default();
    if vectors.width != units {
        let (path, width) = (file.path.display(), vectors.width);
        let reason = format!("the vectors of {path} have {width} numbers, `units` is {units}");
        return Err(wrong(reason, format!("set `units` to {width}")));
    }
    let rows = table
        .chunks_exact_mut(units)
        .zip(vectors.rows.chunks_exact(units));
    for ((row, vector), _) in rows.zip(&vectors.found).filter(|(_, found)| **found) {
        row.copy_from_slice(vector);
    }
    let covered = ids.values().iter().filter(|&&id| {
        id != UNKNOWN && vectors.found.get(id as usize).copied().unwrap_or_default()
    });
    Ok(Pretrained {
        file: file.path.display().to_string(),
        parameter: parameter.name.clone(),
        trained: parameter.trainable,
        words: text.vocabulary.words().len() as u64,
        found: vectors.found() as u64,
        tokens: ids.values().len() as u64,
        covered: covered.count() as u64,
        missing: vectors.missing,
    })
}
