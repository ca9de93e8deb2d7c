use jingwei_text::prepare::{
    Characters, Encoder, Language, Punctuation, Side, StopWords, TextOptions, TextPreparation,
    Tokenizer, UNKNOWN, Words, WordsAndCharacters,
};

fn every_word() -> TextOptions {
    let words = Words {
        min_frequency: 1,
        ..Words::default()
    };
    TextOptions {
        tokenizer: Tokenizer::Word(words),
        ..TextOptions::default()
    }
}

fn encoder(texts: &[&str], options: &TextOptions) -> Encoder {
    Encoder::new(TextPreparation::fit(texts, options).unwrap()).unwrap()
}

fn words_of(text: &str, options: &TextOptions) -> String {
    let tokens = encoder(&[text, "x"], options).tokens(text);
    tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn chinese_and_english_are_segmented() {
    let options = every_word();
    assert_eq!(
        words_of("我来到北京清华大学", &options),
        "我|来到|北京|清华大学"
    );
    assert_eq!(
        words_of("I don't like it, 3.5 stars!", &options),
        "i|don't|like|it|,|3.5|stars|!"
    );
    assert_eq!(
        words_of("ＡＢＣ　１２３，全角。", &options),
        "abc|123|,|全角|。"
    );
    assert_eq!(
        words_of("買了這書，瞭解乾隆", &options),
        "买|了|这书|,|了解|乾隆"
    );
    assert_eq!(
        words_of("<p>很好&amp;<b>便</b>宜</p><script>x()</script>", &options),
        "很|好|&|便宜"
    );
    assert_eq!(
        words_of("见http://a.b/c?d=1，或 me@x.com", &options),
        "见|<url>|,|或|<email>"
    );
    assert_eq!(words_of("cafe\u{301} 👍🏽", &options), "café|👍🏽");
}

#[test]
fn offsets_point_into_the_original() {
    let text = "<b>買</b>了　ＡＢ&amp;书 http://a.cn/x 好cafe\u{301}";
    let encoder = encoder(&[text], &every_word());
    let found: Vec<(String, &str)> = encoder
        .tokens(text)
        .into_iter()
        .map(|token| (token.text, &text[token.start..token.end]))
        .collect();
    let expected = [
        ("买", "買"),
        ("了", "了"),
        ("ab", "ＡＢ"),
        ("&", "&amp;"),
        ("书", "书"),
        ("<url>", "http://a.cn/x"),
        ("好", "好"),
        ("café", "cafe\u{301}"),
    ];
    let expected: Vec<(String, &str)> = expected
        .iter()
        .map(|(a, b)| ((*a).to_owned(), *b))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn stop_words_punctuation_and_stems() {
    let mut options = every_word();
    options.punctuation = Punctuation::Remove;
    options.stop_words = StopWords {
        chinese: true,
        english: true,
        file: None,
    };
    options.stemming = Some(Language::English);
    assert_eq!(
        words_of("这个酒店的服务，真的不好！", &options),
        "酒店|服务|真的|不好"
    );
    assert_eq!(
        words_of("The dogs were running, not walking", &options),
        "dog|run|not|walk"
    );
}

#[test]
fn ids_follow_frequency_and_unknown_is_one() {
    let options = TextOptions::default();
    let encoder = encoder(&["好 好 好 坏 坏 书"], &options);
    let mut ids = Vec::new();
    encoder.encode("书 坏 好", &mut ids);
    assert_eq!(ids, [UNKNOWN, 3, 2]);
    assert_eq!(encoder.preparation().learnt.unknown, 1);
    encoder.encode("", &mut ids);
    assert_eq!(ids, [UNKNOWN]);
}

#[test]
fn each_word_comes_with_its_characters_behind_it() {
    let tokenizer = Tokenizer::WordsAndCharacters(WordsAndCharacters {
        words: Words {
            guess_new_words: false,
            ..Words::default()
        },
        characters: Characters {
            min_frequency: 1,
            ..Characters::default()
        },
    });
    let options = TextOptions {
        tokenizer,
        max_length: Some(99),
        ..TextOptions::default()
    };
    let own = encoder(&["酒店很好 Good", "酒店好"], &options);
    let vocabulary = &own.preparation().vocabulary;
    let tokens = own.tokens("酒店很坏 good");
    let shown: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(
        shown,
        [
            "酒店", "酒", "店", "很", "很", "坏", "坏", " ", "good", "g", "o", "o", "d"
        ]
    );
    let first = vocabulary.first_word().expect("two kinds of tokens");
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    assert_eq!(vocabulary.word(ids[0]), Some("酒店"));
    assert!(ids[0] > first && ids[1] < first && ids[2] < first);
    // 很 is a known character and, coming once, an unknown word; 坏 is neither.
    assert_eq!((ids[3], vocabulary.word(ids[4])), (first, Some("很")));
    assert_eq!(ids[5..7], [first, UNKNOWN]);
    let unknown: Vec<bool> = ids.iter().map(|&id| vocabulary.is_unknown(id)).collect();
    assert_eq!(unknown[..7], [false, false, false, true, false, true, true]);
    assert_eq!(
        [ids[0], ids[1]].map(|id| vocabulary.unknown_like(id)),
        [first, UNKNOWN]
    );
    assert_eq!(own.decode(&ids[..3]), "酒店");
    assert_eq!(own.decode(&ids[1..3]), "酒店");
    let mut encoded = Vec::new();
    own.encode("酒店很坏 good", &mut encoded);
    assert_eq!(encoded, ids);

    let error = TextPreparation::fit_tokens(&["酒\n店"][..], &options).unwrap_err();
    assert!(error.to_string().contains("word or character"), "{error}");
    let json = serde_json::to_string(own.preparation()).unwrap();
    let read = |json: &str| serde_json::from_str::<TextPreparation>(json).unwrap();
    assert_eq!(&read(&json), own.preparation());
    read(&json).check().unwrap();
    for (broken, told) in [
        (json.replace("<unknown>", "<known>"), "unknown word"),
        (
            json.replace(&format!(",\"first_word\":{first}"), ""),
            "kinds",
        ),
    ] {
        let error = read(&broken).check().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn truncation_keeps_either_side() {
    for (side, expected) in [(Side::After, [2, 3]), (Side::Before, [4, 5])] {
        let options = TextOptions {
            max_length: Some(2),
            truncate: side,
            ..every_word()
        };
        let encoder = encoder(&["好 好 好 好 坏 坏 坏 书 书 人"], &options);
        let mut ids = Vec::new();
        encoder.encode("好 坏 书 人", &mut ids);
        assert_eq!(ids, expected);
    }
}

#[test]
fn a_preparation_survives_json() {
    let preparation =
        TextPreparation::fit(&["好 好", "hello hello"][..], &TextOptions::default()).unwrap();
    let json = serde_json::to_string(&preparation).unwrap();
    let back: TextPreparation = serde_json::from_str(&json).unwrap();
    back.check().unwrap();
    assert_eq!(back, preparation);
    let broken = json.replace("hello", "好");
    let error = serde_json::from_str::<TextPreparation>(&broken)
        .unwrap()
        .check()
        .unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn tokens_keep_their_number() {
    let options = TextOptions {
        tokenizer: Tokenizer::Character(Characters {
            min_frequency: 1,
            max_vocabulary: 100,
        }),
        max_length: Some(9),
        ..TextOptions::default()
    };
    let preparation =
        TextPreparation::fit_tokens(&["江\n泽\nＡ", "江\n \n民"][..], &options).unwrap();
    let encoder = Encoder::new(preparation).unwrap();
    let mut ids = Vec::new();
    encoder.encode_tokens(&["江", "", "a", "无"], &mut ids);
    assert_eq!(ids, [2, 1, 3, 1]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let texts: Vec<String> = (0..3_000)
        .map(|i| format!("第{i}号，质量{}，{}", i % 7, i * 31 % 101))
        .collect();
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| TextPreparation::fit(&texts[..], &TextOptions::default()).unwrap())
    };
    assert_eq!(fit(1), fit(4));
}

#[test]
fn parts_of_speech_are_told_with_their_places() {
    let text = "我愛北京，iPhone 15！";
    let found = encoder(&[text], &every_word())
        .parts_of_speech(text)
        .unwrap();
    let shown: Vec<(&str, &str)> = found
        .iter()
        .map(|word| (&text[word.start..word.end], word.part_of_speech.as_str()))
        .collect();
    let expected = [
        ("我", "r"),
        ("愛", "v"),
        ("北京", "ns"),
        ("，", "x"),
        ("iPhone", "eng"),
        ("15", "m"),
        ("！", "x"),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn an_own_dictionary_joins_and_names_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dictionary.txt");
    std::fs::write(&path, "精卫填海机 100 nz\n蓝瘦香菇\n").unwrap();
    let mut options = every_word();
    let words = Words {
        min_frequency: 1,
        dictionary: Some(path.clone()),
        ..Words::default()
    };
    options.tokenizer = Tokenizer::Word(words);
    assert_eq!(
        words_of("我用精卫填海机蓝瘦香菇", &options),
        "我用|精卫填海机|蓝瘦香菇"
    );
    std::fs::write(&path, "词 多少 n\n").unwrap();
    let error = TextPreparation::fit(&["词"][..], &options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 1: `多少` is no frequency"), "{error}");
}

#[test]
fn characters_stay_one_for_one() {
    let options = TextOptions {
        tokenizer: Tokenizer::Character(Characters {
            min_frequency: 1,
            max_vocabulary: 100,
        }),
        ..TextOptions::default()
    };
    let text = "气温１０℃……㈱買㍻，ﬁ";
    let tokens = encoder(&[text], &options).tokens(text);
    let shown: String = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(shown, "气温10℃……㈱买㍻,ﬁ");
    assert_eq!(tokens.len(), text.chars().count());
}
