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

/// A `tokenizer.json` of two letters, with these parts.
fn tokenizer_json(parts: &str) -> String {
    format!(
        r#"{{"version":"1.0","added_tokens":[],{parts},
        "model":{{"type":"WordLevel","vocab":{{"a":0,"b":1,"[UNK]":2}},"unk_token":"[UNK]"}}}}"#
    )
}

fn fit_file(json: &str) -> Result<TextPreparation, jingwei_text::Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, json).unwrap();
    let file = Tokenizer::File(TokenizerFile { path });
    TextPreparation::fit(&["a b", "b a"][..], &options(file))
}

fn normalizers(list: &[String]) -> String {
    let list = list.join(",");
    let spaces = r#""pre_tokenizer":{"type":"Whitespace"}"#;
    format!(r#""normalizer":{{"type":"Sequence","normalizers":[{list}]}},{spaces}"#)
}

fn replace(pattern: &str, content: &str) -> String {
    format!(r#"{{"type":"Replace","pattern":{pattern},"content":"{content}"}}"#)
}

fn splits(pattern: &str) -> String {
    let pattern = serde_json::to_string(pattern).unwrap();
    format!(
        r#""pre_tokenizer":{{"type":"Split","pattern":{{"Regex":{pattern}}},"behavior":"Isolated","invert":false}}"#
    )
}

#[test]
fn tokenizers_that_blow_texts_up_are_refused() {
    let doubling = vec![replace(r#"{"String":"a"}"#, "aa"); 34];
    let one = [replace(r#"{"String":"a"}"#, &"b".repeat(2_000))];
    let nothing = [replace(r#"{"Regex":"x*"}"#, &"b".repeat(2_000))];
    let many = vec![replace(r#"{"String":"a"}"#, "a"); 33];
    for (list, cause) in [
        (&doubling[..10], "1024"),
        (&doubling[..11], "2048 times as long"),
        (&doubling[..], "parts of one kind"),
        (&one[..], "2000 times as long"),
        (&nothing[..], "2001 times as long"),
        (&many[..], "parts of one kind"),
    ] {
        match fit_file(&tokenizer_json(&normalizers(list))) {
            Ok(_) => assert_eq!(cause, "1024"),
            Err(error) => assert!(error.to_string().contains(cause), "{error}"),
        }
    }
}

#[test]
fn patterns_that_go_back_for_ever_are_refused() {
    for pattern in [
        r"(?=a)b",
        r"(a)\1",
        r"(?<!a)b",
        r"(a|\s+(?!\S)|b)*c",
        r"((a+)+|\s+(?!\S)|b)+",
        "(",
    ] {
        let error = fit_file(&tokenizer_json(&splits(pattern))).unwrap_err();
        assert!(error.to_string().contains("may take too long"), "{error}");
    }
    // Those of GPT-2 and of its descendants.
    for pattern in [
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r" ?[^(\s|[.,!?…。，、।۔،])]+",
        r"\s+",
    ] {
        fit_file(&tokenizer_json(&splits(pattern))).unwrap();
    }
}

#[test]
fn tokens_and_words_of_tokenizers_have_bounds() {
    let long = "a".repeat(2_000);
    let token =
        tokenizer_json(r#""normalizer":null"#).replace(r#""b":1"#, &format!(r#""{long}":1"#));
    let added = tokenizer_json(r#""normalizer":null"#).replace(
        r#""added_tokens":[]"#,
        &format!(r#""added_tokens":[{{"id":3,"content":"{long}","special":true}}]"#),
    );
    let words = r#"{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"","max_input_chars_per_word":100000000,"vocab":{"[UNK]":0,"a":1}}"#;
    let words = format!(r#"{{"version":"1.0","model":{words}}}"#);
    let drops =
        r#"{"type":"BPE","dropout":0.5,"unk_token":"[UNK]","vocab":{"[UNK]":0,"a":1},"merges":[]}"#;
    let drops = format!(r#"{{"version":"1.0","model":{drops}}}"#);
    for (json, cause) in [
        (token, "more than 1024 bytes"),
        (added, "more than 1024 bytes"),
        (words, "`max_input_chars_per_word` is more than 1000"),
        (drops, "`dropout`"),
    ] {
        let error = fit_file(&json).unwrap_err().to_string();
        assert!(error.contains(cause), "{error}");
    }
}

#[test]
fn long_texts_are_cut_where_no_token_goes_across() {
    for (name, tokenizer) in trained() {
        let texts = texts();
        let whole = TextOptions {
            max_length: Some(1 << 20),
            ..options(tokenizer)
        };
        let encoder = Encoder::new(TextPreparation::fit(&texts[..], &whole).unwrap()).unwrap();
        let texts: Vec<String> = texts.iter().map(|text| format!(" {text}")).collect();
        let (mut ids, mut expected) = (Vec::new(), Vec::new());
        for text in &texts {
            encoder.encode(text, &mut ids);
            expected.append(&mut ids);
        }
        let joined = texts.concat();
        assert!(joined.len() > 1 << 14, "{name}");
        encoder.encode(&joined, &mut ids);
        assert_eq!(ids, expected, "{name}");
        let tokens = encoder.tokens(&joined);
        assert_eq!(tokens.len(), ids.len(), "{name}");
        let in_order = |two: &[jingwei_text::prepare::Token]| two[0].end <= two[1].start;
        assert!(tokens.windows(2).all(in_order), "{name}");
    }
}
