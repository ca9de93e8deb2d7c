use jingwei_text::prepare::{
    Encoder, TextOptions, TextPreparation, Tokenizer, TokenizerFile, Trained,
};

fn texts() -> Vec<String> {
    let words = [
        "质量", "很好", "不错", "快递", "太慢", "酒店", "服务", "态度", "便宜", "hello", "world",
        "price",
    ];
    (0..600)
        .map(|row| {
            let word = |step: usize| words[(row * step + row / 7) % words.len()];
            format!(
                "{}{}，{} {} {}！{}",
                word(1),
                word(5),
                word(7),
                word(3),
                word(11),
                row % 10
            )
        })
        .collect()
}

fn options(tokenizer: Tokenizer) -> TextOptions {
    TextOptions {
        tokenizer,
        ..TextOptions::default()
    }
}

fn trained() -> [(&'static str, Tokenizer); 3] {
    let small = || Trained {
        max_vocabulary: 200,
        min_frequency: 2,
    };
    [
        ("bpe", Tokenizer::Bpe(small())),
        ("wordpiece", Tokenizer::WordPiece(small())),
        ("unigram", Tokenizer::Unigram(small())),
    ]
}

#[test]
fn trained_tokenizers_know_their_texts() {
    for (name, tokenizer) in trained() {
        let texts = texts();
        let preparation = TextPreparation::fit(&texts[..], &options(tokenizer)).unwrap();
        preparation.check().unwrap();
        assert!(
            preparation.ids() <= 200 && preparation.ids() > 35,
            "{name}: {}",
            preparation.ids()
        );
        assert_eq!(preparation.learnt.unknown, 0, "{name}");
        let encoder = Encoder::new(preparation).unwrap();
        let mut ids = Vec::new();
        encoder.encode("质量不错, hello world", &mut ids);
        let length = ids.len();
        assert!(length < 16, "{name}: {length}");
        if name != "wordpiece" {
            assert_eq!(encoder.decode(&ids), "质量不错, hello world", "{name}");
        }
        let text = "<b>质量</b>鑫，ｈello";
        let tokens = encoder.tokens(text);
        assert!(
            tokens
                .iter()
                .any(|token| token.id == 1 && text[token.start..token.end].contains('鑫')),
            "{name}"
        );
        assert!(
            tokens
                .iter()
                .all(|token| token.end <= text.len() && token.start < token.end)
        );
        assert!(text[tokens[0].start..].starts_with("质"), "{name}");
    }
}

#[test]
fn training_again_gives_the_same() {
    for (name, tokenizer) in trained() {
        let texts = texts();
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| TextPreparation::fit(&texts[..], &options(tokenizer.clone())).unwrap())
        };
        assert_eq!(fit(1), fit(3), "{name}");
    }
}

#[test]
fn a_given_file_is_read_and_renumbered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let json = r###"{"version": "1.0", "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst",
        "stride": 0}, "padding": null, "added_tokens": [], "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {"[PAD]": 0, "hel": 1, "##lo": 2, "[UNK]": 3, "world": 4}}}"###;
    std::fs::write(&path, json).unwrap();
    let mut options = options(Tokenizer::File(TokenizerFile { path: path.clone() }));
    options.max_length = Some(9);
    let preparation = TextPreparation::fit(&["Hello world", "hello there"][..], &options).unwrap();
    assert_eq!(preparation.vocabulary.words(), ["hel", "##lo", "world"]);
    assert_eq!(preparation.vocabulary.counts(), [2, 2, 1]);
    let encoder = Encoder::new(preparation.clone()).unwrap();
    let mut ids = Vec::new();
    encoder.encode("HELLO there world", &mut ids);
    assert_eq!(ids, [2, 3, 1, 4]);

    let mut swapped = preparation;
    swapped.tokenizer = json.replace("world", "word");
    assert!(
        swapped
            .check()
            .unwrap_err()
            .to_string()
            .contains("not in its place")
    );

    for (from, to, expected) in [
        (
            "\"Lowercase\"",
            "\"Rot13\"",
            "`normalizer` has the unknown type `Rot13`",
        ),
        (
            "WordPiece",
            "Mystery",
            "`model` has the unknown type `Mystery`",
        ),
        ("}}}", "}", "not JSON"),
    ] {
        std::fs::write(&path, json.replace(from, to)).unwrap();
        let error = TextPreparation::fit(&["a"][..], &options)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expected) && error.contains("tokenizer.json"),
            "{error}"
        );
    }
}
