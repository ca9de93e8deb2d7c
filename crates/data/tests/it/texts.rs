//! Texts: reading, guessing, encoding, batches.

use std::fs;
use std::path::Path;

use jingwei_data::prepare::{PrepareOptions, Side, Tokenizer};
use jingwei_data::texts::{Format, ReadOptions, guess, read_texts};
use jingwei_data::{Augment, BatchOptions, BatchSource, Dataset, Preparation, Targets};

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

/// The ids and targets of all samples of an epoch, a row a sample, in the order of the samples.
fn filled(
    data: &Dataset,
    preparation: &Preparation,
    options: &BatchOptions,
    epoch: u64,
) -> Vec<(Vec<f32>, Vec<f32>)> {
    let indices = data.indices();
    let mut source = BatchSource::new(data, &indices, preparation, options.clone()).unwrap();
    source.arrange(epoch);
    let mut rows = vec![(Vec::new(), Vec::new()); data.len()];
    for step in 0..source.steps_per_epoch() {
        let (count, (time, target)) = (source.batch_len(step), source.lens(step));
        let (mut ids, mut targets) = (vec![f32::NAN; count * time], vec![f32::NAN; count * target]);
        source.fill(epoch, step, 0..count, &mut ids, &mut targets, &mut []);
        for (row, sample) in source.samples(epoch, step).enumerate() {
            rows[sample] = (
                ids[row * time..][..time].to_vec(),
                targets[row * target..][..target].to_vec(),
            );
        }
    }
    rows
}

#[test]
fn a_masked_word_is_an_unknown_word() {
    let (_folder, data) = reviews();
    let mut options = characters();
    options.text.tokenizer = Tokenizer::WordsAndCharacters(Default::default());
    let preparation = Preparation::fit(&data, &data.indices(), &options).unwrap();
    let vocabulary = &preparation.text().expect("texts").vocabulary;
    let first = vocabulary.first_word().expect("words") as f32;
    let augment = Augment {
        mask: 1.0,
        ..Augment::default()
    };
    let batches = |augment| BatchOptions {
        augment,
        ..BatchOptions::default()
    };
    let plain = filled(&data, &preparation, &batches(Augment::default()), 0);
    let masked = filled(&data, &preparation, &batches(augment), 0);
    for (own, hidden) in plain.iter().zip(&masked) {
        for (&id, &hidden) in own.0.iter().zip(&hidden.0) {
            let expected = match id {
                0.0 => 0.0,
                id if id >= first => first,
                _ => 1.0,
            };
            assert_eq!(hidden, expected);
        }
    }
}

#[test]
fn tokens_are_changed_anew_in_each_epoch() {
    let (_folder, data) = reviews();
    for side in [Side::After, Side::Before] {
        let mut options = characters();
        options.text.pad = side;
        let preparation = Preparation::fit(&data, &data.indices(), &options).unwrap();
        let batches = |augment: Augment| BatchOptions {
            augment,
            batch_size: 8,
            seed: 3,
            ..BatchOptions::default()
        };
        let plain = filled(&data, &preparation, &batches(Augment::default()), 0);
        let own = |row: &[f32]| row.iter().filter(|id| **id != 0.0).count();
        let masked = batches(Augment {
            mask: 1.0,
            ..Augment::default()
        });
        for (row, (_, label)) in filled(&data, &preparation, &masked, 0).iter().zip(&plain) {
            assert!(row.0.iter().all(|&id| id == 0.0 || id == 1.0) && row.1 == *label);
        }
        let dropped = batches(Augment {
            drop: 0.5,
            swap: 0.2,
            ..Augment::default()
        });
        let first = filled(&data, &preparation, &dropped, 0);
        assert_eq!(first, filled(&data, &preparation, &dropped, 0));
        let again = filled(&data, &preparation, &dropped, 1);
        assert!(
            first
                .iter()
                .zip(&again)
                .any(|(one, other)| one.0 != other.0)
        );
        let all: usize = plain.iter().map(|row| own(&row.0)).sum();
        let left: usize = first.iter().map(|row| own(&row.0)).sum();
        assert!(
            left * 10 > all * 4 && left * 10 < all * 7,
            "{left} of {all}"
        );
        for (row, (whole, _)) in first.iter().zip(&plain) {
            let kept = own(&row.0);
            let place = if side == Side::After {
                0
            } else {
                row.0.len() - kept
            };
            assert!((1..=own(whole)).contains(&kept));
            assert!(row.0[place..][..kept].iter().all(|id| *id != 0.0));
        }
    }
}

#[test]
fn tags_are_cut_in_step_with_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let sentence = |count: usize| {
        let line = |at: usize| format!("{}\tT{at}\n", ["甲", "乙", "丙", "丁", "戊"][at]);
        (0..count).map(line).collect::<String>() + "\n"
    };
    let text: String = [5, 3, 1, 5, 4, 2].map(sentence).concat();
    let path = write(folder.path(), "tags.conll", text.as_bytes());
    let data = read_texts(&path, &ReadOptions::default(), None).unwrap();
    for (truncate, pad) in [
        (Side::Before, Side::After),
        (Side::Before, Side::Before),
        (Side::After, Side::Before),
    ] {
        let mut options = characters();
        (options.text.truncate, options.text.pad) = (truncate, pad);
        options.text.max_length = Some(3);
        let preparation = Preparation::fit(&data, &data.indices(), &options).unwrap();
        let vocabulary = preparation.text().unwrap().vocabulary.clone();
        let rows = filled(&data, &preparation, &BatchOptions::default(), 0);
        for (sample, (ids, tags)) in rows.iter().enumerate() {
            let text = data.text(sample).unwrap().unwrap();
            let tokens: Vec<&str> = text.split('\n').collect();
            let beyond = tokens.len().saturating_sub(3);
            let kept = if truncate == Side::Before {
                &tokens[beyond..]
            } else {
                &tokens[..tokens.len() - beyond]
            };
            let own: Vec<(&str, u32)> = ids
                .iter()
                .zip(tags)
                .filter(|(id, _)| **id != 0.0)
                .map(|(id, tag)| (vocabulary.word(*id as u32).unwrap(), *tag as u32))
                .collect();
            assert_eq!(own.iter().map(|own| own.0).collect::<Vec<_>>(), kept);
            // The first token has tag T0, which is number 0, and so on.
            let places = own
                .iter()
                .map(|(token, tag)| ["甲", "乙", "丙", "丁", "戊"][*tag as usize] == *token);
            assert!(places.into_iter().all(|same| same), "{own:?}");
        }
        let drop = BatchOptions {
            augment: Augment {
                drop: 0.1,
                ..Augment::default()
            },
            ..BatchOptions::default()
        };
        let error = BatchSource::new(&data, &data.indices(), &preparation, drop).unwrap_err();
        assert!(
            error.to_string().contains("tags belong to the tokens"),
            "{error}"
        );
    }
}

#[test]
fn what_reading_changed_or_left_out_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "text,label\n很好的, pos \n太差了,neg\n,neg\n不错的,pos\n很差的,other\n";
    let path = write(folder.path(), "told.csv", text.as_bytes());
    let options = ReadOptions {
        on_bad: jingwei_data::texts::OnBad::Quarantine,
        ..ReadOptions::default()
    };
    let data = read_texts(&path, &options, None).unwrap();
    assert_eq!((data.len(), data.left_out()), (4, 1));
    assert_eq!(data.causes().unwrap()["empty text"], 1);
    let notes = data.notes().join("\n");
    for words in [
        "spaces around labels were cut off, 1 times",
        "`other` has one example",
    ] {
        assert!(notes.contains(words), "{notes}");
    }
}
