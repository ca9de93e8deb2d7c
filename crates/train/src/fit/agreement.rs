//! Whether network and texts agree in what shapes do not say.

use jingwei_data::{Dataset, Preparation, Targets};
use jingwei_nn::{Layer, Network};

use super::Functions;
use crate::Error;

/// Checks that the embeddings have a row for every token id, and that there is an answer for each text or for each token
/// as the targets have it.
///
/// # Errors
/// [`Error::Setting`] with what does not fit.
pub fn check_texts(
    network: &Network,
    functions: &Functions,
    dataset: &Dataset,
    preparation: &Preparation,
) -> Result<(), Error> {
    let Some(text) = preparation.text() else {
        return Ok(());
    };
    check_rows(network, text.ids())?;
    check_steps(functions, matches!(dataset.targets(), Targets::Tags { .. }))
}

fn check_rows(network: &Network, ids: usize) -> Result<(), Error> {
    let rows = network.layers().iter().map(|entry| match &entry.layer {
        Layer::Embedding(embedding) if embedding.ngrams == 1 => embedding.input_dim,
        _ => ids,
    });
    match rows.min() {
        Some(rows) if rows < ids => Err(Error::Setting {
            name: "embedding.input_dim".to_owned(),
            reason: format!("the table has {rows} rows, the texts have {ids} token ids"),
            remedy: format!(
                "set it to {ids} or more, or `max_vocabulary` of the tokenizer to {rows}"
            ),
        }),
        _ => Ok(()),
    }
}

fn check_steps(functions: &Functions, tagged: bool) -> Result<(), Error> {
    let output = functions
        .training
        .graph
        .shape(functions.training.outputs[1]);
    let (reason, remedy) = match (tagged, output.0.len() > 2) {
        (false, true) => (
            "the network answers for each token, the task asks for one answer a text",
            "join the tokens: end in `global_max_pool1d`, `global_avg_pool1d` or a recurrent layer without `return_sequences`",
        ),
        (true, false) => (
            "the network answers once a text, the task asks for a tag for each token",
            "keep the tokens: leave pooling out, and set `return_sequences = true` in recurrent layers",
        ),
        _ => return Ok(()),
    };
    Err(Error::Setting {
        name: "model.layers".to_owned(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    })
}
