use jingwei_text::OnBad;
use jingwei_text::read::{Corpus, Format, Labels, ReadOptions, read};

fn from(name: &str, content: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Corpus, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    read(&path, options).map_err(|error| {
        error
            .to_string()
            .replace(folder.path().to_str().unwrap(), ".")
    })
}

fn lenient() -> ReadOptions {
    ReadOptions {
        on_bad: OnBad::Quarantine,
        ..ReadOptions::default()
    }
}

fn all(corpus: &Corpus) -> Vec<String> {
    (0..corpus.len())
        .map(|index| corpus.texts.get(index).unwrap().into_owned())
        .collect()
}

#[test]
fn csv_has_quotes_line_breaks_and_lines() {
    let content = "label,text\npos,\"很好,\n\"\"真的\"\"\"\nneg,差\n\npos,还行\n";
    let corpus = from("a.csv", content, &ReadOptions::default()).unwrap();
    assert_eq!(all(&corpus), ["很好,\n\"真的\"", "差", "还行"]);
    let Labels::Classes { names, labels } = &corpus.labels else {
        panic!()
    };
    assert_eq!(
        (names.join(" ").as_str(), labels.as_slice()),
        ("neg pos", &[1, 0, 1][..])
    );
    assert!(corpus.origins.describe(1).ends_with("a.csv, line 4"));
    assert!(corpus.notes[0].contains("`neg` has one example"));
}

#[test]
fn a_quote_never_closed_costs_one_row() {
    let content = "text,label\n好,a\n\"没有关上,a\n\"关上了\",b\n最后,b\n";
    let error = from("a.csv", content, &ReadOptions::default()).unwrap_err();
    assert!(error.contains("line 3: quote never closed"), "{error}");
    let corpus = from("a.csv", content, &lenient()).unwrap();
    assert_eq!(all(&corpus), ["好", "关上了", "最后"]);
    assert_eq!((corpus.counts.rows, corpus.counts.set_aside), (4, 1));
    let corpus = from("a.csv", "text,label\n好,a\n\"没有,a\n坏,b\n", &lenient()).unwrap();
    assert_eq!(all(&corpus), ["好", "坏"]);
}

#[test]
fn every_bad_row_is_counted_by_its_cause() {
    let mut content = "text,label\n  ,a\nx\0y,a\n好,a,b\n好, a \n好,\n"
        .as_bytes()
        .to_vec();
    content.extend(b"\xff\xfe\xfd,a\n");
    content.extend("好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好好,b\n".as_bytes());
    content.extend("长".repeat(400_000).as_bytes());
    let corpus = from("a.csv", &content, &lenient()).unwrap();
    assert_eq!(corpus.counts.kept, 2);
    assert_eq!(corpus.counts.rows, 8);
    assert_eq!(corpus.counts.trimmed_labels, 1);
    let causes: Vec<&str> = corpus.counts.causes.keys().map(String::as_str).collect();
    assert_eq!(
        causes,
        [
            "NUL bytes in the text",
            "bytes that do not fit the encoding",
            "empty text",
            "line too long",
            "no label",
            "row with another number of fields than the header",
        ]
    );
    assert_eq!(corpus.quarantine.len(), 6);
    let error = from("a.csv", &content, &ReadOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("on_bad = \"quarantine\"") && error.contains("--skip-bad"),
        "{error}"
    );
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let error = from("a.csv", "content,label\n好,a\n", &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("no column `text`; its columns are `content`, `label`"),
        "{error}"
    );
}

#[test]
fn json_lines_have_texts_or_tokens() {
    let content = "{\"text\": \"好\", \"label\": 1}\n{\"text\": \"\\ud800\", \"label\": 0}\n[1]\n{\"label\": 1}\n";
    let corpus = from("a.jsonl", content, &lenient()).unwrap();
    assert_eq!(all(&corpus), ["好"]);
    assert_eq!(corpus.counts.causes["lone surrogate"], 1);
    assert_eq!(corpus.counts.causes["not a JSON object"], 1);
    assert_eq!(corpus.counts.causes["no text under its key"], 1);
    let content = "{\"tokens\": [\"我\", \"在\"], \"tags\": [\"r\", \"p\"]}\n";
    let corpus = from("a.jsonl", content, &ReadOptions::default()).unwrap();
    assert_eq!(all(&corpus), ["我\n在"]);
}

#[test]
fn several_labels_a_text() {
    let options = ReadOptions {
        label_separator: Some('|'),
        ..ReadOptions::default()
    };
    let corpus = from("a.tsv", "text\tlabel\n好\tb| a\n无\t\n", &options).unwrap();
    let Labels::Many { names, labels } = &corpus.labels else {
        panic!()
    };
    assert_eq!(names, &["a", "b"]);
    assert_eq!(labels, &[vec![0, 1], vec![]]);
}

#[test]
fn class_folders_are_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (class, name, text) in [
        ("neg", "1.txt", "差"),
        ("pos", "b.txt", "好"),
        ("pos", "a.txt", "棒"),
    ] {
        std::fs::create_dir_all(folder.path().join(class)).unwrap();
        let bytes = encoding_rs::GBK.encode(text).0.into_owned();
        std::fs::write(folder.path().join(class).join(name), bytes).unwrap();
    }
    let corpus = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(all(&corpus), ["差", "棒", "好"]);
    assert!(corpus.origins.describe(2).ends_with("b.txt, line 1"));
}

#[test]
fn conll_is_checked_and_rewritten() {
    let good = "我 O\n在 O\n北 B-LOC\n京 I-LOC\n\n他\tO\n";
    let corpus = from("a.conll", good, &ReadOptions::default()).unwrap();
    assert_eq!(all(&corpus), ["我\n在\n北\n京", "他"]);
    let Labels::Tags { names, tags } = &corpus.labels else {
        panic!()
    };
    assert_eq!(names, &["O", "B-LOC", "I-LOC"]);
    assert_eq!(tags[0], [0, 0, 1, 2]);

    let broken = "我 B-PER\n在 O\n京 I-LOC\n\n他 O\n他 I-PER\n\n好 O\n";
    let error = from("a.conll", broken, &ReadOptions::default()).unwrap_err();
    assert!(
        error.contains("line 3: tags that break the scheme: `I-LOC` behind `O`"),
        "{error}"
    );
    let corpus = from("a.conll", broken, &lenient()).unwrap();
    assert_eq!((corpus.counts.rows, corpus.counts.set_aside), (3, 2));

    let old = "We O\nin O\nNew I-LOC\nYork I-LOC\n\nAl I-PER\nBo B-PER\n";
    let corpus = from("a.conll", old, &ReadOptions::default()).unwrap();
    assert_eq!(corpus.counts.rewritten_tags, 2);
    let bmes = "北 B-LOC\n京 M-LOC\n市 E-LOC\n人 S-NOUN\n";
    let corpus = from("a.bmes", bmes, &ReadOptions::default()).unwrap();
    assert_eq!(
        corpus.labels.classes().unwrap(),
        ["B-LOC", "E-LOC", "I-LOC", "S-NOUN"]
    );
    let speech = "我 r\n去 v\n";
    assert_eq!(
        from("a.conll", speech, &ReadOptions::default())
            .unwrap()
            .labels
            .classes()
            .unwrap(),
        ["r", "v"]
    );
}

#[test]
fn tagged_words_become_names_or_parts_of_speech() {
    let line = "江/nr  泽民/nr  在/p  北京/ns  [中国/ns  奥委会/n]nt  ，/w  克林顿/nr  [上海/ns 港/n]/nt\n";
    let options = ReadOptions {
        format: Some(Format::TaggedNames),
        ..ReadOptions::default()
    };
    let corpus = from("a.txt", line, &options).unwrap();
    assert_eq!(
        all(&corpus)[0].replace('\n', ""),
        "江泽民在北京中国奥委会，克林顿上海港"
    );
    let Labels::Tags { names, tags } = &corpus.labels else {
        panic!()
    };
    let tags: Vec<&str> = tags[0]
        .iter()
        .map(|&tag| names[tag as usize].as_str())
        .collect();
    let expected = "B-PER I-PER I-PER O B-LOC I-LOC B-ORG I-ORG I-ORG I-ORG I-ORG O B-PER I-PER I-PER B-ORG I-ORG I-ORG";
    assert_eq!(tags.join(" "), expected);
    let options = ReadOptions {
        format: Some(Format::TaggedWords),
        ..ReadOptions::default()
    };
    let corpus = from("a.txt", line, &options).unwrap();
    assert!(all(&corpus)[0].starts_with("江\n泽民\n在\n北京\n中国"));
}

#[test]
fn texts_beyond_memory_go_to_a_file() {
    let content: String = (0..5_000)
        .map(|row| format!("第{row}行，{}\n", "字".repeat(row % 300)))
        .collect();
    let small = ReadOptions {
        memory_bytes: 10_000,
        ..ReadOptions::default()
    };
    let spooled = from("a.txt", &content, &small).unwrap();
    let held = from("a.txt", &content, &ReadOptions::default()).unwrap();
    assert!(spooled.texts.spooled() && !held.texts.spooled());
    assert_eq!(all(&spooled), all(&held));
}
