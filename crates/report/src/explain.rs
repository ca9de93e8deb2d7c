//! Which tokens of a text moved a decision.

use std::ops::Range;

use jingwei_data::Sequences;
use jingwei_metrics::Predictions;

use crate::TokenWeight;

/// How far each piece of a text moves the probability of a class: by how much the probability falls when unknown tokens
/// stand in the place of its own (occlusion: Zeiler and Fergus, 2014, "Visualizing and Understanding Convolutional
/// Networks").
///
/// # Arguments
///
/// - `ids`: the token ids of the text.
/// - `pieces`: which of them belong together, as [`pieces`] finds it.
/// - `unknown`: the id for an unknown token in the place of an id.
/// - `class`, `classes`: the class, and how many there are.
/// - `predict`: gives the probabilities of texts, texts × classes. It is called once, with the text itself and then
///   the text with each of its pieces hidden, all of one length.
///
/// # Errors
///
/// Those of `predict`, or if it gives another number of probabilities.
pub fn occlusion<E: From<jingwei_metrics::Error>>(
    ids: &[u32],
    pieces: &[Range<usize>],
    unknown: impl Fn(u32) -> u32,
    class: usize,
    classes: usize,
    predict: impl FnOnce(&Sequences) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let mut texts = Sequences::default();
    texts.push(ids);
    let mut hidden = ids.to_vec();
    for piece in pieces {
        hidden[piece.clone()]
            .iter_mut()
            .for_each(|id| *id = unknown(*id));
        texts.push(&hidden);
        hidden[piece.clone()].copy_from_slice(&ids[piece.clone()]);
    }
    let probabilities = predict(&texts)?;
    if probabilities.len() != texts.len() * classes {
        return Err(jingwei_metrics::Error::Length {
            what: "probabilities",
            expected: texts.len() * classes,
            found: probabilities.len(),
        }
        .into());
    }
    let mut of_class = probabilities.iter().skip(class).step_by(classes);
    let whole = of_class.next().copied().unwrap_or_default();
    Ok(of_class.map(|without| whole - without).collect())
}

/// Which tokens share a part of their `places` in the text with those before them, as a word and its characters or the
/// halves of one character do: ranges of tokens, in order.
pub fn pieces(places: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut end = 0;
    for (token, place) in places.iter().enumerate() {
        match pieces.last_mut() {
            Some(piece) if place.start < end => piece.end = token + 1,
            _ => pieces.push(token..token + 1),
        }
        end = end.max(place.end);
    }
    pieces
}

/// Cuts a text at the `places` of its pieces, in bytes, and gives each its weight; what stands between them has none.
pub fn weigh(text: &str, places: &[Range<usize>], weights: &[f32]) -> Vec<TokenWeight> {
    let mut pieces: Vec<TokenWeight> = Vec::new();
    let mut done = 0;
    for (place, weight) in places.iter().zip(weights) {
        let (start, end) = (place.start.max(done), place.end.max(done));
        match (text.get(done..start), text.get(start..end)) {
            (Some(between), Some(token)) if !token.is_empty() => {
                pieces.extend((!between.is_empty()).then(|| TokenWeight {
                    text: between.to_owned(),
                    weight: 0.0,
                }));
                pieces.push(TokenWeight {
                    text: token.to_owned(),
                    weight: *weight,
                });
                done = end;
            }
            _ => {
                if let Some(before) = pieces.last_mut() {
                    before.weight += weight;
                }
            }
        }
    }
    let rest = text.get(done..).unwrap_or_default();
    pieces.extend((!rest.is_empty()).then(|| TokenWeight {
        text: rest.to_owned(),
        weight: 0.0,
    }));
    pieces
}

/// Up to `count` rows that are worth explaining, in three kinds of equal number: surely wrong, unsure, surely right.
pub fn worth_explaining(predictions: &Predictions, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..predictions.rows()).collect();
    let truth = |row: &usize| predictions.truth(*row);
    let right = |row: &usize| predictions.predicted(*row).0 == predictions.label(*row);
    order.sort_by(|left, right| truth(left).total_cmp(&truth(right)));
    let each = count.div_ceil(3);
    let wrong: Vec<usize> = order
        .iter()
        .copied()
        .filter(|row| !right(row))
        .take(each)
        .collect();
    let sure: Vec<usize> = order
        .iter()
        .rev()
        .copied()
        .filter(right)
        .take(each)
        .collect();
    order.sort_by(|left, right| {
        let sureness = |row: &usize| predictions.predicted(*row).1;
        sureness(left).total_cmp(&sureness(right))
    });
    let mut chosen: Vec<usize> = Vec::new();
    let unsure = order
        .iter()
        .copied()
        .filter(|row| !wrong.contains(row) && !sure.contains(row));
    let unsure: Vec<usize> = unsure.take(each).collect();
    for row in wrong.iter().chain(&unsure).chain(&sure) {
        if chosen.len() < count {
            chosen.push(*row);
        }
    }
    chosen
}
