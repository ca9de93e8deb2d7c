//! Every example of `docs/bundle-format.md` is read as the format's own types.

use std::collections::BTreeMap;

use jingwei_bundle::{InputEntry, OutputEntry, Reading, Recorded};
use jingwei_data::Preparation;
use serde::de::DeserializeOwned;

/// What is between fences, with what it is an example of.
fn examples() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/bundle-format.md");
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = page.split("\n```json ").skip(1);
    let example = |block: &str| {
        let (kind, rest) = block.split_once('\n').unwrap();
        let (json, _) = rest.split_once("\n```").unwrap();
        (kind.to_owned(), json.to_owned())
    };
    blocks.map(example).collect()
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error} in {json}"))
}

#[test]
fn examples_of_the_format_are_read() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (kind, json) in examples() {
        match &*kind {
            "inputs" => assert!(!read::<Vec<InputEntry>>(&json).is_empty()),
            "outputs" => assert!(!read::<Vec<OutputEntry>>(&json).is_empty()),
            "preparation" => {
                let preparation: Preparation = read(&json);
                preparation.check().unwrap();
            }
            "reading" => assert!(!read::<Reading>(&json).target.is_empty()),
            "recorded" => assert!(read::<Recorded>(&json).samples > 0),
            other => panic!("no test reads an example of `{other}`"),
        }
        *seen.entry(kind).or_default() += 1;
    }
    let seen: Vec<_> = seen.iter().map(|(kind, count)| (&**kind, *count)).collect();
    let expected = [
        ("inputs", 1),
        ("outputs", 1),
        ("preparation", 3),
        ("reading", 2),
        ("recorded", 1),
    ];
    assert_eq!(seen, expected);
}
