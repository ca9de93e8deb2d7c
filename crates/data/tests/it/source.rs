use std::path::Path;

use jingwei_data::csv::CsvTarget;
use jingwei_data::image::Size;
use jingwei_data::inspect::inspect;
use jingwei_data::source::{Found, ReadOptions, SourceKind, detect, read};
use jingwei_data::{Error, Limits};

use crate::idx::fashion_mnist;
use crate::image::folder as pictures;

fn put(root: &Path, from: &str, to: &str) {
    let to = root.join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(pictures().join(from), to).unwrap();
}

fn kind(path: &Path) -> SourceKind {
    detect(path).unwrap().kind
}

#[test]
fn folders_of_pictures_with_and_without_parts() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "rgb.png", "train/cat/1.png");
    put(root.path(), "turned6.jpg", "train/dog/1.jpg");
    put(root.path(), "grey.png", "test/dog/2.png");
    let found = detect(root.path()).unwrap();
    let path = |name| root.path().join(name);
    let expected = Found {
        kind: SourceKind::ImageFolder,
        train: path("train"),
        valid: None,
        test: Some(path("test")),
    };
    assert_eq!(found, expected);
    let summary = inspect(root.path(), &Limits::default()).unwrap();
    assert_eq!(
        (summary.samples, summary.classes.len(), &summary.shape),
        (2, 2, &None)
    );
    let sizes = summary.sizes.unwrap();
    assert_eq!(
        (sizes.coloured, sizes.heights, sizes.widths),
        (2, [16, 24, 24], [16, 24, 24])
    );
    let size = Some(Size {
        height: 4,
        width: 4,
        channels: 1,
    });
    let data = read(
        &found.train,
        &ReadOptions {
            size,
            ..Default::default()
        },
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(data.class_names(), ["cat", "dog"]);
    let classes = Some(data.class_names().to_vec());
    let test = read(
        &path("test"),
        &ReadOptions {
            size,
            classes,
            ..Default::default()
        },
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(test.labels(), Some(&[1][..]));
    let error = read(&found.train, &ReadOptions::default(), &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
}

#[test]
fn a_table_is_summarised() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("t.csv");
    std::fs::write(&path, "a,kind,same\n1,x,1\n,y,1\n3,x,1\n4\n").unwrap();
    let summary = inspect(root.path(), &Limits::default()).unwrap();
    assert_eq!((summary.kind, summary.samples), (SourceKind::Csv, 3));
    let [a, kind_column, _] = &summary.columns[..] else {
        panic!("{:?}", summary.columns)
    };
    assert_eq!(
        (a.numbers, a.missing, a.min, a.max, a.mean),
        (2, 1, Some(1.0), Some(3.0), Some(2.0))
    );
    assert_eq!((kind_column.text, kind_column.values["x"]), (3, 2));
    let notes = summary.notes.join("\n");
    for note in [
        "line 5: row with another number of fields than the header: 1 instead of 3",
        "column `a` lacks 1 values",
        "column `same` has the same value everywhere",
    ] {
        assert!(notes.contains(note), "{notes}");
    }
    let options = ReadOptions {
        target: CsvTarget::Class("kind".into()),
        ..Default::default()
    };
    assert!(
        read(&path, &options, &Limits::default())
            .unwrap_err()
            .to_string()
            .contains("line 3")
    );
}

#[test]
fn cifar_and_other_paths() {
    let root = tempfile::tempdir().unwrap();
    let path = |name| root.path().join(name);
    assert!(
        detect(root.path())
            .unwrap_err()
            .to_string()
            .contains("neither class folders")
    );
    std::fs::write(path("data_batch_1.bin"), vec![1; 3073]).unwrap();
    std::fs::write(path("test_batch.bin"), vec![2; 3073]).unwrap();
    let found = detect(root.path()).unwrap();
    assert_eq!(
        (found.kind, found.test),
        (SourceKind::Cifar10, Some(path("test_batch.bin")))
    );
    assert_eq!(kind(&path("test_batch")), SourceKind::Cifar10);
    assert_eq!(
        inspect(root.path(), &Limits::default()).unwrap().classes[1].samples,
        1
    );
    assert!(matches!(
        detect(&path("nothing")),
        Err(Error::Unreadable { .. })
    ));
    std::fs::write(path("x.csv"), [0, 1, 2]).unwrap();
    assert!(
        detect(&path("x.csv"))
            .unwrap_err()
            .to_string()
            .contains("neither an IDX file")
    );
    let error = detect(&pictures().join("rgb.png")).unwrap_err().to_string();
    assert!(error.contains("one picture is no dataset"), "{error}");
}

#[test]
fn fashion_mnist_is_recognised() {
    let Some(folder) = fashion_mnist() else {
        return;
    };
    let found = detect(&folder).unwrap();
    assert_eq!(
        (found.train, found.test),
        (folder.join("train"), Some(folder.join("t10k")))
    );
    assert_eq!(kind(&folder.join("t10k")), SourceKind::Idx);
    assert_eq!(
        kind(&folder.join("t10k-images-idx3-ubyte.gz")),
        SourceKind::Idx
    );
    let summary = inspect(&folder.join("t10k"), &Limits::default()).unwrap();
    assert!(summary.classes.iter().all(|class| class.samples == 1000) && summary.notes.is_empty());
    let data = read(
        &folder.join("t10k-labels-idx1-ubyte.gz"),
        &ReadOptions::default(),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(data.len(), 10_000);
}
