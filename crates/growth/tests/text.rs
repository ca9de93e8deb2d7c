//! Work on texts and files grows with their length, whatever stands in them.

#![cfg(counted)]

use std::hint::black_box;
use std::path::Path;

use jingwei_growth::assert_linear;
use jingwei_text::duplicates::{DuplicateOptions, find};
use jingwei_text::encoding::detect;
use jingwei_text::prepare::{
    Addresses, Characters, Encoder, Language, TextOptions, TextPreparation, Tokenizer, Trained,
    Words, WordsAndCharacters,
};
use jingwei_text::read::{Format, ReadOptions, read};
use jingwei_text::{OnBad, statistics::script};

/// What has made something slow, here or elsewhere.
const UNITS: [&str; 48] = [
    "://",
    "http://",
    "http://.",
    "www.",
    "/www.a",
    "www.a ",
    "@",
    "a@",
    "a@b.c",
    ".@",
    "<",
    "<a",
    "<a ",
    "<!--",
    "<!-- -->",
    "<script>",
    "<style>a",
    "</",
    "<p>",
    "&",
    "&#",
    "&amp;",
    "[",
    "]",
    "\"",
    "'",
    "a'",
    "a",
    "A",
    "ay",
    "e\u{301}",
    "\u{301}",
    "\u{fdfa}",
    "\u{1f468}\u{200d}",
    "\u{200d}",
    "\u{fe0f}",
    "\u{ad}",
    "가",
    "\u{1100}",
    "1,",
    " ",
    "a ",
    "好",
    "龘",
    "中a",
    "中-",
    "。",
    "\u{1d165}",
];

fn encoder(options: &TextOptions) -> Encoder {
    let texts = [
        "好的 中文 text words, playing 1,000",
        "a b c . , ' 好 龘 中",
    ]
    .repeat(20);
    Encoder::new(TextPreparation::fit(&texts[..], options).unwrap()).unwrap()
}

fn assert_encodes_linearly(name: &str, options: &TextOptions, units: &[&str]) {
    let encoder = encoder(options);
    for unit in units {
        let repeated = |count: usize| unit.repeat(count);
        assert_linear(&format!("{name}: encoding {unit:?}"), repeated, |text| {
            let mut ids = Vec::new();
            encoder.encode(text, &mut ids);
            black_box(ids);
        });
    }
}

fn untruncated(tokenizer: Tokenizer) -> TextOptions {
    TextOptions {
        tokenizer,
        // All tokens are looked for.
        truncate: jingwei_text::prepare::Side::Before,
        ..TextOptions::default()
    }
}

#[test]
fn encoding_as_words_is_linear() {
    let options = untruncated(Tokenizer::Word(Words::default()));
    assert_encodes_linearly("words", &options, &UNITS);
}

#[test]
fn encoding_is_linear_where_addresses_stay() {
    let options = TextOptions {
        urls: Addresses::Keep,
        ..untruncated(Tokenizer::Character(Characters::default()))
    };
    let units = ["://", "http://", "/www.a", "www.a ", "a@", "a@b.c"];
    assert_encodes_linearly("characters", &options, &units);
    let options = TextOptions {
        urls: Addresses::Token,
        emails: Addresses::Keep,
        ..options
    };
    assert_encodes_linearly("characters", &options, &units);
}

#[test]
fn stemming_is_linear() {
    use Language::*;
    for language in [
        Arabic, English, French, German, Italian, Russian, Tamil, Turkish,
    ] {
        let options = TextOptions {
            stemming: Some(language),
            ..untruncated(Tokenizer::Word(Words::default()))
        };
        assert_encodes_linearly(
            &format!("{language:?}"),
            &options,
            &["ay", "iu", "aé", "أ", "ings"],
        );
    }
}

#[test]
fn encoding_as_words_and_characters_is_linear() {
    let both = WordsAndCharacters::default();
    let options = untruncated(Tokenizer::WordsAndCharacters(both));
    assert_encodes_linearly(
        "both",
        &options,
        &["://", "a", "好", "龘", "中a", "a ", "\u{fdfa}"],
    );
}

#[test]
fn encoding_as_pieces_is_linear() {
    let small = || Trained {
        max_vocabulary: 100,
        min_frequency: 1,
    };
    for (name, tokenizer) in [
        ("bpe", Tokenizer::Bpe(small())),
        ("wordpiece", Tokenizer::WordPiece(small())),
        ("unigram", Tokenizer::Unigram(small())),
    ] {
        let options = untruncated(tokenizer);
        let units = ["://", "a", "a ", "好", "\u{fdfa}", "<unk>", "。", "  "];
        assert_encodes_linearly(name, &options, &units);
    }
}

#[test]
fn places_of_tokens_are_found_linearly() {
    let options = untruncated(Tokenizer::Word(Words::default()));
    let encoder = encoder(&options);
    for unit in [
        "://",
        "A",
        "&amp;",
        "<p>",
        "\u{fdfa}",
        "e\u{301}",
        "好",
        "a b@c.de ",
    ] {
        let repeated = |count: usize| unit.repeat(count);
        assert_linear(&format!("tokens of {unit:?}"), repeated, |text| {
            black_box(encoder.tokens(text));
        });
        assert_linear(&format!("parts of speech of {unit:?}"), repeated, |text| {
            black_box(encoder.parts_of_speech(text).unwrap());
        });
    }
}

#[test]
fn training_of_pieces_is_linear() {
    for (name, tokenizer) in [
        ("bpe", Tokenizer::Bpe(Trained::default())),
        ("wordpiece", Tokenizer::WordPiece(Trained::default())),
    ] {
        let options = untruncated(tokenizer);
        let one = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        for unit in ["ab", "好的"] {
            let texts = |count: usize| [unit.repeat(count)];
            let fit = |texts: &[String; 1]| {
                black_box(TextPreparation::fit(&texts[..], &options).unwrap());
            };
            one.install(|| assert_linear(&format!("{name}: training on {unit:?}"), texts, fit));
        }
    }
}

#[test]
fn finding_encodings_and_scripts_is_linear() {
    for unit in [
        &b"a"[..],
        b"\xff",
        b"\xc4\xe3",
        b"\xe5",
        b"\0a",
        b"\xe4\xbd\xa0",
    ] {
        assert_linear(
            &format!("encoding of {unit:?}"),
            |count| unit.repeat(count),
            |bytes| {
                black_box(detect(bytes, true));
            },
        );
    }
    assert_linear(
        "scripts",
        |count| "a好1".repeat(count),
        |text| {
            black_box(
                text.chars()
                    .map(script)
                    .filter(|script| *script == "latin")
                    .count(),
            );
        },
    );
}

#[test]
fn finding_duplicates_is_linear() {
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    for name in ["same", "alike", "other"] {
        let texts = |count: usize| {
            let text = |row: usize| match name {
                "same" => "今天天气很好我们去公园".to_owned(),
                "alike" => format!("今天天气很好我们去公园看花看树看鸟{row}"),
                _ => format!("{}{}", row * 7919, row * row),
            };
            (0..count / 8).map(text).collect::<Vec<_>>()
        };
        let work = |texts: &Vec<String>| {
            black_box(find(&texts[..], &DuplicateOptions::default()).unwrap());
        };
        one.install(|| assert_linear(&format!("duplicates: {name}"), texts, work));
    }
    let long = |count: usize| ["ab".repeat(count), "好的".repeat(count)];
    let work = |texts: &[String; 2]| {
        black_box(find(&texts[..], &DuplicateOptions::default()).unwrap());
    };
    one.install(|| assert_linear("duplicates: long", long, work));
}

#[test]
fn reading_files_is_linear() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(Format, &str, &str); 19] = [
        (Format::Csv, "text,label\n", "a\",\"x\n"),
        (Format::Csv, "text,label\n", "\"a\n"),
        (Format::Csv, "text,label\n", "\"\"\"\n"),
        (Format::Csv, "text,label\n", "a,b\n"),
        (Format::Csv, "text,label\n", ",\n"),
        (Format::Csv, "text,label\n", ","),
        (Format::Csv, "text,label\n", "\""),
        (Format::Tsv, "text\tlabel\n", "a\t\"\n"),
        (Format::JsonLines, "", "{\"text\":\"a\",\"label\":\"b\"}\n"),
        (Format::JsonLines, "", "["),
        (Format::JsonLines, "{\"text\":\"", "\\ud83d"),
        (Format::JsonLines, "", "{\"text\":\"\\ud83d\\ud83d\"}\n"),
        (Format::Lines, "", "a\n"),
        (Format::Conll, "", "a B-X\n"),
        (Format::Conll, "", "a I-X\na B-Y\n\n"),
        (Format::Conll, "", "# = "),
        (Format::TaggedNames, "", "[中国/ns "),
        (Format::TaggedNames, "", "[中国/ns 人/n]nt "),
        (Format::TaggedWords, "", "中/nr "),
    ];
    for (format, start, unit) in cases {
        let file = folder.path().join("file");
        let options = ReadOptions {
            format: Some(format),
            on_bad: OnBad::Quarantine,
            max_text_bytes: 1 << 26,
            ..ReadOptions::default()
        };
        let written = |count: usize| format!("{start}{}", unit.repeat(count));
        let work = |content: &String| {
            std::fs::write(&file, content).unwrap();
            // Nothing may be left of a bad file; here it matters how long that takes to find out.
            let _ = black_box(read(Path::new(&file), &options));
        };
        assert_linear(&format!("{format:?} of {unit:?}"), written, work);
    }
}

#[test]
fn classes_are_numbered_linearly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.csv");
    let rows = |count: usize| {
        let rows: String = (0..count)
            .map(|row| format!("text {row},class {row}\n"))
            .collect();
        format!("text,label\n{rows}")
    };
    assert_linear("classes", rows, |content| {
        std::fs::write(&file, content).unwrap();
        black_box(read(&file, &ReadOptions::default()).unwrap());
    });
}
