#![no_main]

//! The first byte chooses the form, the rest is the file: CoNLL, `word/tag` lines as names or as words.

use jingwei_text::OnBad;
use jingwei_text::read::{Format, Labels, ReadOptions, Scheme, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&form, content)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("tags");
    std::fs::write(&path, content).expect("room for the input");
    let schemes = [None, Some(Scheme::Bio), Some(Scheme::Iob1), Some(Scheme::Bioes), Some(Scheme::Plain)];
    let options = ReadOptions {
        format: Some([Format::Conll, Format::TaggedNames, Format::TaggedWords][usize::from(form % 3)]),
        scheme: schemes[usize::from(form / 3 % 5)],
        on_bad: OnBad::Quarantine,
        max_text_bytes: 256,
        ..ReadOptions::default()
    };
    if let Ok(corpus) = read(&path, &options) {
        let Labels::Tags { names, tags } = &corpus.labels else {
            panic!("tagged files give tags");
        };
        for (index, tags) in tags.iter().enumerate() {
            assert_eq!(corpus.texts.get(index).expect("it was kept").split('\n').count(), tags.len());
            assert!(tags.iter().all(|&tag| (tag as usize) < names.len()));
        }
    }
});
