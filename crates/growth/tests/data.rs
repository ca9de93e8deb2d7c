//! Reading and preparing grow with the length of what is read, whatever stands in it.

#![cfg(counted)]

use std::hint::black_box;

use jingwei_data::csv::{CsvOptions, CsvTarget, read_csv};
use jingwei_data::inspect::inspect;
use jingwei_data::prepare::{
    Column, ColumnScaling, FeaturePreparation, PrepareOptions, TargetPreparation,
};
use jingwei_data::texts::{ReadOptions, guess, read_texts};
use jingwei_data::{Limits, OnBad, Preparation, idx};
use jingwei_growth::assert_linear;

/// A file in a folder that is gone at the end of a test.
fn file(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

fn wide(columns: usize) -> (String, String) {
    let names: String = (0..columns).map(|column| format!("c{column},")).collect();
    (
        format!("{names}target"),
        format!("{}0", "1,".repeat(columns)),
    )
}

#[test]
fn wide_tables_are_read_linearly() {
    let (_folder, path) = file("table.csv");
    let table = |columns: usize| {
        let (names, values) = wide(columns);
        format!("{names}\n{values}\n")
    };
    let read = |content: &String, options: &CsvOptions| {
        std::fs::write(&path, content).unwrap();
        read_csv(&path, options, &Limits::default()).unwrap()
    };
    let class = CsvOptions {
        target: CsvTarget::Class("target".to_owned()),
        ..CsvOptions::default()
    };
    assert_linear("a wide table", table, |content| {
        black_box(read(content, &class));
    });
    assert_linear("a table with many targets", table, |content| {
        let columns = content.split('\n').next().unwrap().split(',');
        let targets = columns.skip(1).step_by(2).map(str::to_owned).collect();
        let options = CsvOptions {
            target: CsvTarget::Values(targets),
            ..CsvOptions::default()
        };
        black_box(read(content, &options));
    });
    assert_linear("a wide table that is looked at", table, |content| {
        std::fs::write(&path, content).unwrap();
        black_box(inspect(&path, &Limits::default()).unwrap());
        black_box(guess(&path).unwrap());
    });
    assert_linear("a wide table that is prepared", table, |content| {
        let dataset = read(content, &class);
        let column =
            (0..dataset.features().sample_len()).map(|at| (format!("c{at}"), Default::default()));
        let options = PrepareOptions {
            column: column.collect(),
            ..PrepareOptions::default()
        };
        black_box(Preparation::fit(&dataset, &[0], &options).unwrap());
    });
}

#[test]
fn tables_of_every_kind_are_read_linearly() {
    let (_folder, path) = file("table.csv");
    for unit in [
        "1,2\n", "\n", "\r\n", "\"", "\"\n", "a\"\n", ",", "1,\"a\n", "nan,1\n", "a,b\n",
    ] {
        let table = |count: usize| format!("a,b\n{}", unit.repeat(count));
        assert_linear(&format!("{unit:?}"), table, |content| {
            std::fs::write(&path, content).unwrap();
            let options = CsvOptions {
                on_bad: OnBad::Quarantine,
                ..CsvOptions::default()
            };
            let _ = black_box(read_csv(&path, &options, &Limits::default()));
            let _ = black_box(inspect(&path, &Limits::default()));
            let _ = black_box(guess(&path));
        });
    }
}

#[test]
fn rows_with_unknown_classes_do_not_repeat_all_classes() {
    let (_folder, path) = file("table.csv");
    let table = |count: usize| {
        let rows: String = (0..count).map(|row| format!("{row},x{row}\n")).collect();
        let classes = (0..count).map(|class| format!("class {class}")).collect();
        (format!("a,target\n0,class 0\n{rows}"), classes)
    };
    assert_linear(
        "unknown classes",
        table,
        |(content, classes): &(String, Vec<String>)| {
            std::fs::write(&path, content).unwrap();
            let options = CsvOptions {
                target: CsvTarget::Class("target".to_owned()),
                classes: Some(classes.clone()),
                on_bad: OnBad::Quarantine,
                ..CsvOptions::default()
            };
            black_box(read_csv(&path, &options, &Limits::default()).unwrap());
        },
    );
}

#[test]
fn wide_records_are_prepared_linearly() {
    let record = |columns: usize| {
        let column = |at: usize| Column {
            name: format!("c{at}"),
            scaling: ColumnScaling::None,
        };
        let preparation = Preparation {
            features: FeaturePreparation::Rows((0..columns).map(column).collect()),
            targets: TargetPreparation::None,
        };
        let names: Vec<String> = (0..columns).rev().map(|at| format!("c{at}")).collect();
        (preparation, names)
    };
    assert_linear(
        "a wide record",
        record,
        |(preparation, names): &(Preparation, Vec<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut out = vec![0.0; names.len()];
            let fields = vec!["1"; names.len()];
            preparation
                .prepare_fields(&names, &fields, "record 0", &mut out)
                .unwrap();
            black_box(out);
        },
    );
}

#[test]
fn classes_get_the_numbers_of_training_linearly() {
    let (_folder, path) = file("texts.csv");
    let texts = |count: usize| {
        let rows: String = (0..count)
            .map(|row| format!("text {row},class {row}\n"))
            .collect();
        let names: Vec<String> = (0..count).map(|class| format!("class {class}")).collect();
        (format!("text,label\n{rows}"), names)
    };
    assert_linear(
        "classes",
        texts,
        |(content, names): &(String, Vec<String>)| {
            std::fs::write(&path, content).unwrap();
            black_box(read_texts(&path, &ReadOptions::default(), Some(names)).unwrap());
        },
    );
}

#[test]
fn idx_files_are_read_linearly() {
    let content = |count: usize| {
        let mut bytes = vec![0, 0, 8, 1];
        bytes.extend((count as u32).to_be_bytes());
        bytes.resize(bytes.len() + count, 1);
        bytes
    };
    assert_linear("IDX", content, |bytes| {
        let most = bytes.len() as u64;
        black_box(idx::read_from(&bytes[..], most, "idx", &Limits::default()).unwrap());
    });
}
