#![no_main]

//! The first byte chooses the form, the rest is the file: CSV, TSV, JSON Lines, plain lines.

use jingwei_text::OnBad;
use jingwei_text::read::{Format, ReadOptions, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&form, content)) = bytes.split_first() else {
        return;
    };
    let format = [Format::Csv, Format::Tsv, Format::JsonLines, Format::Lines][usize::from(form % 4)];
    let header: &[u8] = match format {
        Format::Csv => b"text,label\n",
        Format::Tsv => b"text\tlabel\n",
        _ => b"",
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("texts");
    std::fs::write(&path, [header, content].concat()).expect("room for the input");
    let options = ReadOptions {
        format: Some(format),
        on_bad: OnBad::Quarantine,
        label_separator: (form & 4 != 0).then_some('|'),
        max_text_bytes: 256,
        memory_bytes: 512,
        ..ReadOptions::default()
    };
    if let Ok(corpus) = read(&path, &options) {
        assert_eq!(corpus.counts.rows, corpus.counts.kept + corpus.counts.set_aside);
        assert_eq!(corpus.counts.kept, corpus.len() as u64);
        for index in 0..corpus.len() {
            assert!(!corpus.texts.get(index).expect("it was kept").trim().is_empty());
        }
    }
});
