//! Pretrained word vectors as the first values of an embedding.

use jingwei_data::prepare::{Pretrained, VectorFile};
use jingwei_data::{BatchSource, Preparation};
use jingwei_nn::ParameterSpec;

use crate::Error;

/// The id of what the vocabulary does not hold.
const UNKNOWN: u32 = 1;

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
