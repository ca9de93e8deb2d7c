//! Whatever comes, nothing panics, and what must hold holds.

use std::sync::OnceLock;

use jingwei_text::OnBad;
use jingwei_text::encoding::decode;
use jingwei_text::prepare::{
    Characters, Encoder, TextOptions, TextPreparation, Tokenizer, Unicode, Words,
    WordsAndCharacters,
};
use jingwei_text::read::{Format, ReadOptions, TextSource, read};
use proptest::prelude::*;

fn encoders() -> &'static [Encoder] {
    static ENCODERS: OnceLock<Vec<Encoder>> = OnceLock::new();
    ENCODERS.get_or_init(|| {
        let texts = ["这家酒店很好 hello world", "这家 hello"];
        let characters = Tokenizer::Character(Characters::default());
        let plain = TextOptions {
            unicode: Unicode::None,
            simplify: false,
            lowercase: false,
            strip_html: false,
            tokenizer: characters,
            ..TextOptions::default()
        };
        let both = TextOptions {
            tokenizer: Tokenizer::WordsAndCharacters(WordsAndCharacters::default()),
            ..TextOptions::default()
        };
        [TextOptions::default(), plain, both]
            .iter()
            .map(|options| {
                Encoder::new(TextPreparation::fit(&texts[..], options).unwrap()).unwrap()
            })
            .collect()
    })
}

/// Encoders of words, of characters, and of both, which clean alike.
fn of_each_kind() -> &'static [Encoder; 3] {
    static ENCODERS: OnceLock<[Encoder; 3]> = OnceLock::new();
    ENCODERS.get_or_init(|| {
        let (words, characters) = (Words::default(), Characters::default());
        let both = WordsAndCharacters {
            words: words.clone(),
            characters: characters.clone(),
        };
        let kinds = [
            Tokenizer::Word(words),
            Tokenizer::Character(characters),
            Tokenizer::WordsAndCharacters(both),
        ];
        kinds.map(|tokenizer| {
            let options = TextOptions {
                unicode: Unicode::None,
                simplify: false,
                tokenizer,
                ..TextOptions::default()
            };
            let texts = ["这家酒店很好 hello world", "这家酒店 hello。"];
            Encoder::new(TextPreparation::fit(&texts[..], &options).unwrap()).unwrap()
        })
    })
}

/// Pieces that cleaning and segmentation look at.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,6}",
        "[a-z0-9@:/.w<>&;#_'’+ -]{0,12}",
        "[\u{4e00}-\u{9fff}沈乾瞭於覆，。！]{0,8}",
        "[\u{300}-\u{310}\u{1100}-\u{11ff}\u{ac00}-\u{ac10}e\u{ad}\u{200d}\u{fe0f}👍🏽\u{e000}]{0,6}",
        Just("<script>".to_owned()),
        Just("</p>".to_owned()),
        Just("http://a.b/".to_owned()),
        Just("\0\r\n\t\u{3000}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn tokens_lie_in_the_text_in_order(text in texts()) {
        for encoder in encoders() {
            let tokens = encoder.tokens(&text);
            let mut before = 0;
            for token in &tokens {
                prop_assert!(token.start >= before || token.start < token.end, "{token:?}");
                prop_assert!(text.get(token.start..token.end).is_some(), "{token:?}");
                prop_assert!(!token.text.is_empty());
                before = token.start;
            }
            let mut ids = Vec::new();
            encoder.encode(&text, &mut ids);
            let mut expected: Vec<u32> = tokens.iter().map(|token| token.id).collect();
            expected.truncate(encoder.preparation().max_length);
            if expected.is_empty() {
                expected.push(1);
            }
            prop_assert_eq!(&ids, &expected);
            encoder.decode(&ids);
        }
    }

    #[test]
    fn words_and_characters_are_those_that_either_tokenizer_finds(text in texts()) {
        let [words, characters, both] = of_each_kind();
        let first_word = both.preparation().vocabulary.first_word().unwrap();
        let (of_words, of_characters): (Vec<_>, Vec<_>) =
            both.tokens(&text).into_iter().partition(|token| token.id >= first_word);
        for (mut expected, found, shift) in [
            (words.tokens(&text), of_words, first_word - 1),
            (characters.tokens(&text), of_characters, 0),
        ] {
            expected.iter_mut().for_each(|token| token.id += shift);
            prop_assert_eq!(expected, found);
        }
    }

    #[test]
    fn decoding_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let decoded = decode(&bytes, OnBad::Quarantine).unwrap();
        prop_assert!(decoded.text.len() <= bytes.len() * 3 + 3);
    }

    #[test]
    fn every_row_is_kept_or_set_aside(
        content in "([a-z\"，,\t\r\n {}:\\[\\]\\\\ud8/IOB-]|text|label|\\PC){0,120}",
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let formats = [
            (Format::Csv, "text,label\n"), (Format::Tsv, "text\tlabel\n"), (Format::JsonLines, ""), (Format::Lines, ""),
            (Format::Conll, ""), (Format::TaggedNames, ""), (Format::TaggedWords, ""),
        ];
        for (format, header) in formats {
            let mut file = format!("{header}{content}").into_bytes();
            file.extend(&bytes);
            std::fs::write(&path, &file).unwrap();
            let options = ReadOptions {
                format: Some(format),
                on_bad: OnBad::Quarantine,
                max_text_bytes: 64,
                memory_bytes: 40,
                ..ReadOptions::default()
            };
            if let Ok(corpus) = read(&path, &options) {
                prop_assert_eq!(corpus.counts.rows, corpus.counts.kept + corpus.counts.set_aside);
                prop_assert_eq!(corpus.counts.kept as usize, corpus.len());
                prop_assert_eq!(corpus.quarantine.len() as u64, corpus.counts.set_aside);
                for index in 0..corpus.len() {
                    prop_assert!(!TextSource::get(&corpus.texts, index).unwrap().trim().is_empty());
                    corpus.origins.describe(index);
                }
            }
        }
    }
}
