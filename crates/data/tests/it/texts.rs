//! Texts: reading, guessing, encoding, batches.

use std::fs;
use std::path::Path;

use jingwei_data::prepare::PrepareOptions;
use jingwei_data::texts::{Format, ReadOptions, guess, read_texts};
use jingwei_data::{BatchOptions, BatchSource, Dataset, Preparation, Targets};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// 60 reviews of 1 to 12 characters, good and bad.
fn reviews() -> (tempfile::TempDir, Dataset) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "text,label\n".to_owned();
    for row in 0..60 {
        let words = if row % 2 == 0 {
            "很好看"
        } else {
            "太差了"
        };
        let body: String = words.chars().cycle().take(row % 12 + 1).collect();
        text.push_str(&format!("{body},{}\n", ["pos", "neg"][row % 2]));
    }
    let path = write(folder.path(), "reviews.csv", text.as_bytes());
    let data = read_texts(&path, &ReadOptions::default(), None).unwrap();
    (folder, data)
}

fn characters() -> PrepareOptions {
    let text = "tokenizer = { character = { min_frequency = 1 } }\n";
    PrepareOptions {
        text: toml::from_str(text).unwrap(),
        ..PrepareOptions::default()
    }
}

#[test]
fn batches_hold_each_text_once_with_little_padding() {
    let (_folder, data) = reviews();
    let indices = data.indices();
    let preparation = Preparation::fit(&data, &indices, &characters()).unwrap();
    let options = BatchOptions {
        batch_size: 8,
        ..BatchOptions::default()
    };
    let mut source = BatchSource::new(&data, &indices, &preparation, options).unwrap();
    for epoch in 0..2 {
        source.arrange(epoch);
        let mut seen = Vec::new();
        for step in 0..source.steps_per_epoch() {
            let (count, time) = (source.batch_len(step), source.time(step).unwrap());
            let (mut ids, mut labels) = (vec![f32::NAN; count * time], vec![f32::NAN; count]);
            source.fill(epoch, step, 0..count, &mut ids, &mut labels, &mut []);
            for ((sample, row), label) in source
                .samples(epoch, step)
                .zip(ids.chunks_exact(time))
                .zip(&labels)
            {
                let length = data.text(sample).unwrap().unwrap().chars().count();
                assert!(row[..length].iter().all(|&id| id > 0.0));
                assert!(row[length..].iter().all(|&id| id == 0.0));
                assert_eq!(*label as u32, data.labels().unwrap()[sample]);
                seen.push(sample);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, indices);
    }
}

#[test]
fn padding_may_stand_before_and_the_length_be_fixed() {
    let (_folder, data) = reviews();
    let indices = data.indices();
    let mut options = characters();
    options.text.pad = jingwei_data::prepare::Side::Before;
    options.text.length = Some(6);
    let preparation = Preparation::fit(&data, &indices, &options).unwrap();
    assert_eq!(preparation.sample_shape(), [Some(6)]);
    let mut out = vec![f32::NAN; 2 * 6];
    preparation.apply(&data, &[0, 11], &mut out).unwrap();
    assert_eq!(out[..5], [0.0; 5]);
    assert!(out[5..].iter().all(|&id| id > 0.0));
}

#[test]
fn classes_of_another_part_keep_their_numbers() {
    let (folder, data) = reviews();
    let only = write(
        folder.path(),
        "test.csv",
        "text,label\n很好,pos\n".as_bytes(),
    );
    let names = data.class_names();
    let part = read_texts(&only, &ReadOptions::default(), Some(names)).unwrap();
    assert_eq!(names, ["neg", "pos"]);
    assert_eq!(part.labels().unwrap(), [1]);
    let other = write(
        folder.path(),
        "other.csv",
        "text,label\n很好,new\n".as_bytes(),
    );
    let error = read_texts(&other, &ReadOptions::default(), Some(names)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`new` does not occur in the training part"),
        "{error}"
    );
}

#[test]
fn what_lies_in_files_is_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40)
        .map(|row| format!("{},这是第{row}条评论,{}\n", row, ["好", "坏"][row % 2]))
        .collect();
    let table = format!("编号,评论,标签\n{rows}");
    let utf8 = write(folder.path(), "utf8.csv", table.as_bytes());
    let found = guess(&utf8).unwrap().unwrap();
    assert_eq!((found.format, found.tagged), (Format::Csv, false));
    assert_eq!(found.column.as_deref(), Some("评论"));
    assert_eq!(found.target.as_deref(), Some("标签"));
    let numbers = write(folder.path(), "numbers.csv", b"a,b,class\n1,2,x\n3,4,y\n");
    assert_eq!(guess(&numbers).unwrap(), None);
    let tagged = "江/nr 泽民/nr 在/p 北京/ns 说/v 话/n ，/w 很/d 好/a 。/w 他/r 走/v\n";
    let tagged = write(folder.path(), "news.txt", tagged.repeat(3).as_bytes());
    let found = guess(&tagged).unwrap().unwrap();
    assert_eq!((found.format, found.tagged), (Format::TaggedNames, true));
    let conll = "李 B-PER\n明 I-PER\n来 O\n\n北 B-LOC\n京 I-LOC\n大 O\n";
    let conll = write(folder.path(), "train.conll", conll.as_bytes());
    assert!(guess(&conll).unwrap().unwrap().tagged);
    let data = read_texts(&conll, &ReadOptions::default(), None).unwrap();
    assert!(matches!(data.targets(), Targets::Tags { tags, .. } if tags.get(0).len() == 3));
}
