use jingwei_text::augment::TextAugmentation;
use jingwei_text::duplicates::{DuplicateOptions, find};
use jingwei_text::prepare::{Encoder, TextOptions, TextPreparation, Vocabulary};
use jingwei_text::statistics::{Bare, bare, statistics};
use jingwei_text::vectors::VectorFile;

#[test]
fn augmentation_is_a_function_of_its_key() {
    let ids: Vec<u32> = (2..1_002).collect();
    let apply = |settings: TextAugmentation, key: u64| {
        let mut changed = ids.clone();
        settings.apply(&mut changed, key);
        changed
    };
    let drop = TextAugmentation {
        drop: 0.3,
        ..TextAugmentation::default()
    };
    assert_eq!(apply(drop, 5), apply(drop, 5));
    assert_ne!(apply(drop, 5), apply(drop, 6));
    assert!((650..750).contains(&apply(drop, 5).len()));
    let mask = TextAugmentation {
        mask: 0.2,
        ..TextAugmentation::default()
    };
    assert!((150..250).contains(&apply(mask, 1).iter().filter(|&&id| id == 1).count()));
    let swap = TextAugmentation {
        swap: 0.5,
        ..TextAugmentation::default()
    };
    let mut swapped = apply(swap, 1);
    assert_ne!(swapped, ids);
    swapped.sort_unstable();
    assert_eq!(swapped, ids);
    let all = TextAugmentation {
        drop: 1.0,
        ..TextAugmentation::default()
    };
    assert_eq!(apply(all, 3).len(), 1);
    assert!(TextAugmentation { drop: 1.5, ..all }.check().is_err());
}

#[test]
fn near_duplicates_are_grouped_and_others_are_not() {
    let long = |row: usize| {
        format!(
            "第{row}篇：{}",
            "今天天气很好我们去公园看花"
                .chars()
                .cycle()
                .skip(row * 3)
                .step_by(row % 5 + 1)
                .take(80)
                .collect::<String>()
        )
    };
    let mut texts: Vec<String> = (0..300)
        .map(|row| format!("完全不同的文字{}号{}", row * 7919, row * row))
        .collect();
    texts.push(long(2));
    texts.push(format!("{}！！", long(2)));
    texts.push(texts[5].clone());
    let found = find(&texts[..], &DuplicateOptions::default()).unwrap();
    assert!(found.groups.contains(&vec![300, 301]), "{:?}", found.groups);
    assert!(
        found
            .groups
            .iter()
            .any(|group| group.contains(&5) && group.contains(&302))
    );
    assert_eq!(found.exact, 1);
    assert_eq!(found.keys(303)[302], found.keys(303)[5]);
    let nothing = find(&["甲", "乙", "丙"][..], &DuplicateOptions::default()).unwrap();
    assert!(nothing.groups.is_empty());
}

fn words() -> Vocabulary {
    let words = ["好", "hello", "new york", "没有"]
        .map(str::to_owned)
        .to_vec();
    Vocabulary::of(words, vec![4, 3, 2, 1]).unwrap()
}

fn vectors(
    name: &str,
    content: &[u8],
    list: Option<&str>,
) -> Result<jingwei_text::vectors::Vectors, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let vocabulary = list.map(|list| {
        let path = folder.path().join("words.txt");
        std::fs::write(&path, list).unwrap();
        path
    });
    VectorFile { path, vocabulary }
        .load(&words())
        .map_err(|error| error.to_string())
}

#[test]
fn vectors_in_text_form_are_matched() {
    for header in ["", "4 2\n"] {
        let content = format!("{header}Hello 1 2\n好 3 4\nnew york 5 6\nhello 7 8\n");
        let found = vectors("v.txt", content.as_bytes(), None).unwrap();
        assert_eq!(found.width, 2);
        assert_eq!(
            found.rows,
            [0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 7.0, 8.0, 5.0, 6.0, 0.0, 0.0]
        );
        assert_eq!(
            (found.found(), found.missing.as_slice()),
            (3, &["没有".to_owned()][..])
        );
    }
    for (content, expected) in [
        ("好 1 2\nhello 3", "line 2: it has not a word and 2 numbers"),
        ("好 1 2\nhello 3 x\n", "line 2: `x` is no finite number"),
        ("好 1 nan\n", "`nan` is no finite number"),
        ("9 2\n好 1 2\n", "announces 9 words, it has 1"),
        ("", "holds no vectors"),
    ] {
        let error = vectors("v.vec", content.as_bytes(), None).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn vectors_in_numpy_form_are_matched() {
    let mut header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".to_owned();
    header += &" ".repeat(117 - header.len());
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    (1..=6).for_each(|value| bytes.extend((value as f32).to_le_bytes()));
    let found = vectors("v.npy", &bytes, Some("没有\n好\n")).unwrap();
    assert_eq!(&found.rows[6..9], [4.0, 5.0, 6.0]);
    assert_eq!(&found.rows[15..], [1.0, 2.0, 3.0]);
    let error = vectors("v.npy", &bytes, Some("好\n")).unwrap_err();
    assert!(
        error.contains("1 words") && error.contains("cut short"),
        "{error}"
    );
    let error = vectors("v.npy", &bytes[..bytes.len() - 1], Some("好\n没有\n")).unwrap_err();
    assert!(error.contains("cut short"), "{error}");
    assert!(
        vectors("v.npy", &bytes, None)
            .unwrap_err()
            .contains("no words")
    );
}

#[test]
fn statistics_say_what_texts_are_like() {
    let texts = ["很好，好 ok", "👍👍", "鑫鑫"];
    let preparation =
        TextPreparation::fit(&["好 好 很好 很好 ok ok"][..], &TextOptions::default()).unwrap();
    let encoder = Encoder::new(preparation).unwrap();
    let found = statistics(&texts[..], &encoder).unwrap();
    assert_eq!(found.texts, 3);
    assert_eq!(
        (
            found.scripts["chinese"],
            found.scripts["emoji"],
            found.scripts["latin"]
        ),
        (5, 2, 2)
    );
    assert_eq!((found.known, found.characters.most), (3, 7));
    assert!(found.unknown_share > 0.3);
    let vocabulary = &encoder.preparation().vocabulary;
    let kinds = texts.map(|text| bare(&encoder.tokens(text), vocabulary));
    assert_eq!(
        kinds,
        [None, Some(Bare::OnlyMarks), Some(Bare::OnlyUnknown)]
    );
    assert_eq!(
        bare(&encoder.tokens("  "), vocabulary),
        Some(Bare::NothingLeft)
    );
}
