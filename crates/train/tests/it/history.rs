//! The log of epochs: append, resume, torn and damaged lines.

use std::fs;

use jingwei_train::history::{Epoch, append, cut_back, read};

fn epoch(number: u64) -> Epoch {
    Epoch {
        epoch: number,
        step: number * 100,
        learning_rate: 1e-3,
        seconds: 1.5,
        train: [("loss".into(), Some(1.0 / number as f64))].into(),
        valid: [("roc_auc".into(), None), ("loss".into(), Some(0.1 + 0.2))].into(),
    }
}

#[test]
fn what_was_appended_is_read_and_cut_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    assert_eq!(read(&path).unwrap(), []);
    cut_back(&path, 10).unwrap();
    assert!(!path.exists());
    for number in 1..=4 {
        append(&path, &epoch(number)).unwrap();
    }
    assert_eq!(read(&path).unwrap(), (1..=4).map(epoch).collect::<Vec<_>>());
    cut_back(&path, 250).unwrap();
    append(&path, &epoch(3)).unwrap();
    assert_eq!(read(&path).unwrap(), (1..=3).map(epoch).collect::<Vec<_>>());
    cut_back(&path, 0).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_torn_last_line_is_left_out_and_overwritten_wherever_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    append(&path, &epoch(1)).unwrap();
    let first = fs::read(&path).unwrap();
    append(&path, &epoch(2)).unwrap();
    let both = fs::read(&path).unwrap();
    for length in first.len()..both.len() {
        fs::write(&path, &both[..length]).unwrap();
        assert_eq!(read(&path).unwrap(), [epoch(1)]);
        append(&path, &epoch(2)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), both);
    }
}

#[test]
fn a_damaged_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    append(&path, &epoch(1)).unwrap();
    let first = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{first}nonsense\n{first}")).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("history.jsonl: line 2 is damaged"),
        "{error}"
    );
    assert!(cut_back(&path, 0).is_err());
}

#[test]
fn a_value_that_is_not_a_number_is_read_as_undefined() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let diverged = Epoch {
        train: [("loss".into(), Some(f64::NAN))].into(),
        ..epoch(1)
    };
    append(&path, &diverged).unwrap();
    assert_eq!(read(&path).unwrap()[0].train["loss"], None);
}
