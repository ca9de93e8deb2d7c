//! JSON Lines: one object a line.

use std::path::Path;

use serde_json::{Map, Value};

use crate::Result;
use crate::read::rows::{Bad, Collector};

pub(super) fn read(path: &Path, collector: &mut Collector) -> Result<()> {
    // Escapes may take six bytes for what is one in the text.
    let bound = collector
        .options
        .max_text_bytes
        .saturating_mul(6)
        .saturating_add(1 << 12);
    let mut lines = collector.open(path, bound)?;
    let mut text = String::new();
    while let Some(line) = lines.next_line(&mut text)? {
        if line.too_long {
            let bad = collector.too_long(line);
            collector.set_aside(path, line.number, bad)?;
        } else if !text.trim().is_empty()
            && let Err(bad) = row(path, line.number, &text, collector)?
        {
            collector.set_aside(path, line.number, bad)?;
        }
    }
    Ok(())
}

type Row = std::result::Result<(), Bad>;

fn row(path: &Path, line: u64, text: &str, collector: &mut Collector) -> Result<Row> {
    let object = match object(text) {
        Ok(object) => object,
        Err(bad) => return Ok(Err(bad)),
    };
    if object.contains_key("tokens") && !object.contains_key(&collector.options.text) {
        return tagged(line, &object, collector);
    }
    let Some(Value::String(text)) = object.get(&collector.options.text) else {
        let detail = format!("`{}`", collector.options.text);
        return Ok(Err(Bad::new(
            "no text under its key",
            detail,
            "set `text` to the key of the text",
        )));
    };
    let Some(key) = &collector.options.label else {
        return collector.plain(path, line, text).map(Ok);
    };
    match object.get(key) {
        Some(Value::Array(labels)) if collector.options.label_separator.is_some() => {
            let Some(names) = labels.iter().map(scalar).collect::<Option<Vec<_>>>() else {
                return Ok(Err(bad_label(key)));
            };
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            collector.with_labels(path, line, text, &names).map(Ok)
        }
        Some(Value::Array(_)) => Ok(Err(Bad::new(
            "several labels",
            format!("`{key}` is a list"),
            "set `label_separator`, which says that texts may have several",
        ))),
        Some(value) => match scalar(value) {
            Some(label) => collector.labelled(path, line, text, &label).map(Ok),
            None => Ok(Err(bad_label(key))),
        },
        None => Ok(Err(bad_label(key))),
    }
}

fn object(text: &str) -> std::result::Result<Map<String, Value>, Bad> {
    let wrong = |detail: String| {
        if lone_surrogate(text) {
            let remedy = "repair the escape: half of a pair of \\u escapes is missing";
            return Bad::new("lone surrogate", detail, remedy);
        }
        Bad::new(
            "not a JSON object",
            detail,
            "write one object a line, without line breaks inside",
        )
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong("the line holds another value".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Whether an escape is half of a pair, as `\ud83d` alone is.
fn lone_surrogate(line: &str) -> bool {
    let mut escapes = line.match_indices("\\u").filter_map(|(at, _)| {
        let code = u32::from_str_radix(line.get(at + 2..at + 6)?, 16).ok()?;
        Some((at, code))
    });
    let mut high: Option<usize> = None;
    escapes.any(|(at, code)| {
        let pair = high.take().map(|before| before + 6 == at);
        match code {
            0xd800..=0xdbff => {
                high = Some(at);
                pair.is_some()
            }
            0xdc00..=0xdfff => pair != Some(true),
            _ => pair.is_some(),
        }
    }) || high.is_some()
}

fn bad_label(key: &str) -> Bad {
    let remedy = "set `label` to its key, or leave it out if there are none";
    Bad::new(
        "no label",
        format!("`{key}` is missing or neither text, number nor truth value"),
        remedy,
    )
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn tagged(line: u64, object: &Map<String, Value>, collector: &mut Collector) -> Result<Row> {
    let words = |key: &str| -> Option<Vec<String>> {
        object.get(key)?.as_array()?.iter().map(scalar).collect()
    };
    let (Some(tokens), Some(tags)) = (words("tokens"), words("tags")) else {
        let remedy = "write \"tokens\" and \"tags\" as two lists of strings";
        return Ok(Err(Bad::new("tokens without tags", "", remedy)));
    };
    if let Some(bad) = collector.fault(&tokens.join(" ")) {
        return Ok(Err(bad));
    }
    let bad_token = |token: &String| token.trim().is_empty() || token.contains('\n');
    if tokens.len() != tags.len() || tokens.iter().any(bad_token) {
        let detail = format!("{} tokens, {} tags", tokens.len(), tags.len());
        return Ok(Err(Bad::new(
            "tokens and tags do not fit",
            detail,
            "give each token one tag",
        )));
    }
    collector.tagged(line, &tokens, &tags)?;
    Ok(Ok(()))
}
