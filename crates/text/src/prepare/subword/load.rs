//! A `tokenizer.json` that anybody may have written.

use serde_json::Value;
use tokenizers::Tokenizer as Inner;

use crate::prepare::subword::{Subwords, bounds};
use crate::prepare::{PADDING, UNKNOWN, Vocabulary};
use crate::{Error, Result};

const MODELS: &[&str] = &["BPE", "WordPiece", "WordLevel", "Unigram"];
const NORMALIZERS: &[&str] = &[
    "Sequence",
    "BertNormalizer",
    "Strip",
    "StripAccents",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Lowercase",
    "Nmt",
    "Precompiled",
    "Replace",
    "Prepend",
    "ByteLevel",
];
const PRE_TOKENIZERS: &[&str] = &[
    "Sequence",
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Metaspace",
    "Whitespace",
    "Split",
    "Punctuation",
    "WhitespaceSplit",
    "Digits",
    "UnicodeScripts",
    "FixedLength",
];
const POST_PROCESSORS: &[&str] = &[
    "Sequence",
    "RobertaProcessing",
    "BertProcessing",
    "ByteLevel",
    "TemplateProcessing",
];
const DECODERS: &[&str] = &[
    "Sequence",
    "BPEDecoder",
    "ByteLevel",
    "WordPiece",
    "Metaspace",
    "CTC",
    "Replace",
    "Fuse",
    "Strip",
    "ByteFallback",
];

fn wrong(cause: impl ToString) -> Error {
    Error::content(
        "tokenizer.json",
        cause,
        "take a file that the `tokenizers` library 0.23 wrote, or train a tokenizer here",
    )
}

/// Names a component that is not known, where the library would only say that something does not fit, and checks that
/// all ask for no more than [`bounds`] allows. Says by what factor they may make a text longer.
pub(super) fn check_components(json: &str) -> Result<f64> {
    let value: Value =
        serde_json::from_str(json).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
    let Value::Object(whole) = &value else {
        return Err(wrong("it is not a JSON object"));
    };
    if !whole.get("model").is_some_and(Value::is_object) {
        return Err(wrong("it has no `model`"));
    }
    for (key, known, inner) in [
        ("model", MODELS, ""),
        ("normalizer", NORMALIZERS, "normalizers"),
        ("pre_tokenizer", PRE_TOKENIZERS, "pretokenizers"),
        ("post_processor", POST_PROCESSORS, "processors"),
        ("decoder", DECODERS, "decoders"),
    ] {
        if let Some(component) = whole.get(key) {
            check_component(key, component, known, inner)?;
        }
    }
    bounds::check(whole).map_err(wrong)
}

/// Recursion is bounded by what the JSON reader allows.
fn check_component(key: &str, component: &Value, known: &[&str], inner: &str) -> Result<()> {
    if let Some(name) = component.get("type").and_then(Value::as_str)
        && !known.contains(&name)
    {
        let known = known.join(", ");
        return Err(wrong(format!(
            "its `{key}` has the unknown type `{name}`; known are {known}"
        )));
    }
    let parts = component.get(inner).and_then(Value::as_array);
    parts
        .into_iter()
        .flatten()
        .try_for_each(|part| check_component(key, part, known, inner))
}

fn parse(json: &str) -> Result<(Inner, f64)> {
    let growth = check_components(json)?;
    // The library trusts its files: some that fit its types make it panic.
    let mut inner = std::panic::catch_unwind(|| Inner::from_bytes(json.as_bytes()))
        .map_err(|_| wrong("its parts do not fit each other"))?
        .map_err(wrong)?;
    inner.with_truncation(None).map_err(wrong)?;
    inner.with_padding(None);
    Ok((inner, growth))
}

/// Its tokens in the order of its ids, with gaps left out.
fn tokens(inner: &Inner) -> Vec<(u32, String)> {
    let mut tokens: Vec<(u32, String)> = inner
        .get_vocab(true)
        .into_iter()
        .map(|(token, id)| (id, token))
        .collect();
    tokens.sort_unstable();
    tokens.dedup_by_key(|token| token.0);
    tokens
}

fn one_of(inner: &Inner, names: &[&str]) -> Option<u32> {
    names.iter().find_map(|name| inner.token_to_id(name))
}

/// Its ids of padding and of what it does not know.
fn special(inner: &Inner) -> (Option<u32>, Option<u32>) {
    let padding = one_of(inner, &["<pad>", "[PAD]", "<|pad|>"]);
    (
        padding,
        one_of(inner, &["<unk>", "[UNK]", "<|unk|>"]).filter(|id| Some(*id) != padding),
    )
}

/// The vocabulary of a `tokenizer.json` in our order, without counts.
pub(super) fn vocabulary(json: &str) -> Result<Vocabulary> {
    let (inner, _) = parse(json)?;
    let (padding, unknown) = special(&inner);
    let words: Vec<String> = tokens(&inner)
        .into_iter()
        .filter(|(id, _)| Some(*id) != padding && Some(*id) != unknown)
        .map(|(_, token)| token)
        .collect();
    let counts = vec![0; words.len()];
    Vocabulary::of(words, counts)
}

/// Makes a `tokenizer.json` ready, if it is the one that the vocabulary came from.
pub(in crate::prepare) fn load(json: &str, vocabulary: &Vocabulary) -> Result<Subwords> {
    let (inner, growth) = parse(json)?;
    let (padding, unknown) = special(&inner);
    let tokens = tokens(&inner);
    // An id far beyond the number of tokens would ask for that much memory.
    let most = tokens.last().map_or(0, |token| token.0 as usize);
    if most > crate::prepare::options::MOST_IDS {
        return Err(wrong(format!("it has the id {most}")));
    }
    let mut ours = vec![UNKNOWN; most + 1];
    let mut theirs = vec![u32::MAX; 2];
    for (id, token) in tokens {
        if Some(id) == padding {
            ours[id as usize] = PADDING;
            theirs[PADDING as usize] = id;
        } else if Some(id) == unknown {
            theirs[UNKNOWN as usize] = id;
        } else {
            if vocabulary.word(theirs.len() as u32) != Some(&token) {
                return Err(wrong(format!(
                    "its token `{token}` is not in its place in the vocabulary"
                )));
            }
            ours[id as usize] = theirs.len() as u32;
            theirs.push(id);
        }
    }
    if theirs.len() != vocabulary.ids() {
        return Err(wrong("it has fewer tokens than the vocabulary"));
    }
    Ok(Subwords {
        inner,
        growth,
        ours,
        theirs,
    })
}
