//! Graphs from outside, through plans: each is refused or runs.

use std::panic::catch_unwind;

use crate::hostile::{Case, Outcome, mixed};

/// Bytes of one case.
const BYTES: usize = 700;

fn bytes(seed: u64) -> Vec<u8> {
    (0..BYTES as u64)
        .map(|place| (mixed(seed << 20 | place) >> 24) as u8)
        .collect()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// A fixed stretch of what the fuzz target walks; the environment variables `JINGWEI_FIRST_CASE` and `JINGWEI_CASES` ask
/// for another one.
#[test]
fn graphs_of_an_attackers_choice_are_refused_or_run() {
    let first = number("JINGWEI_FIRST_CASE", 0);
    let count = number("JINGWEI_CASES", 4000);
    let (mut compared, mut failed) = (0, Vec::new());
    for seed in first..first + count {
        let Some(case) = Case::of(&bytes(seed)) else {
            continue;
        };
        match catch_unwind(|| case.run()) {
            Ok(Outcome::Ran { compared: true }) => compared += 1,
            Ok(_) => {}
            Err(_) => {
                eprintln!("case {seed}: {case}");
                failed.push(seed);
            }
        }
    }
    assert!(failed.is_empty(), "cases {failed:?} failed");
    assert!(compared > count / 20, "only {compared} cases ran");
}

/// What the fuzz target found before.
#[test]
fn kept_cases_are_refused_or_run() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus-kept/graph_attributes"
    );
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the kept corpus") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("readable");
        Case::of(&bytes).expect("a case").run();
        count += 1;
    }
    assert!(count > 0);
}
