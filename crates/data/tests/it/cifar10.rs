use std::path::Path;

use jingwei_data::Limits;
use jingwei_data::cifar10::read_cifar10;

/// A record whose red, green and blue planes count up from different starts.
fn record(label: u8) -> Vec<u8> {
    let planes = (0..3072).map(|at| (at % 1024 + at / 1024 * 50) as u8);
    std::iter::once(label).chain(planes).collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn planes_become_pixels_and_batches_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "data_batch_1.bin",
        &[record(3), record(9)].concat(),
    );
    write(folder.path(), "data_batch_2.bin", &record(0));
    write(folder.path(), "test_batch.bin", &record(1));
    let data = read_cifar10(folder.path(), &Limits::default()).unwrap();
    assert_eq!(data.labels(), Some(&[3, 9, 0][..]));
    assert_eq!(data.features().sample_shape(), [32, 32, 3]);
    assert_eq!(&data.image(2).unwrap()[..6], [0, 50, 100, 1, 51, 101]);
    assert_eq!(data.class_names()[3], "cat");
    assert!(data.origin(2).ends_with("data_batch_2.bin, sample 0"));
    for test in ["test_batch", "test_batch.bin"] {
        assert_eq!(
            read_cifar10(&folder.path().join(test), &Limits::default())
                .unwrap()
                .labels(),
            Some(&[1][..])
        );
    }
    write(folder.path(), "batches.meta.txt", b"a\nb\nc\nd\n\n");
    let error = read_cifar10(folder.path(), &Limits::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("data_batch_1.bin, sample 1: label 9 is beyond the 4 classes"),
        "{error}"
    );
}

#[test]
fn broken_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = || {
        read_cifar10(folder.path(), &Limits::default())
            .unwrap_err()
            .to_string()
    };
    assert!(error().contains("there is no data_batch_1.bin"));
    write(folder.path(), "data_batch_1.bin", &record(3)[..3000]);
    assert!(error().contains("3000 bytes are no whole number of records of 3073"));
    write(folder.path(), "data_batch_1.bin", &[]);
    assert!(error().contains("0 bytes"));
    write(folder.path(), "data_batch_1.bin", &record(10));
    assert!(error().contains("label 10 is beyond the 10 classes"));
}
