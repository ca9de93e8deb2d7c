use std::io::Write;
use std::path::{Path, PathBuf};

use jingwei_data::idx::{read_from, read_idx, read_idx_pair, read_idx_prefix};
use jingwei_data::{Dataset, Error, Limits};
use proptest::prelude::*;

pub fn fashion_mnist() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fashion-mnist");
    folder.is_dir().then_some(folder)
}

fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    dimensions
        .iter()
        .for_each(|dimension| file.extend(dimension.to_be_bytes()));
    file.extend(bytes);
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<jingwei_data::idx::Idx, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read_idx(file.path(), &Limits::default())
}

fn read_pair(images: &[u8], labels: &[u8]) -> Result<Dataset, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a-images-idx3-ubyte"), images).unwrap();
    std::fs::write(folder.path().join("a-labels-idx1-ubyte.gz"), labels).unwrap();
    read_idx_prefix(&folder.path().join("a"), &Limits::default())
}

#[test]
fn reads_plain_and_gzip() {
    let file = idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let expected = jingwei_data::idx::Idx {
        dimensions: vec![2, 2, 3],
        bytes: (0..12).collect(),
    };
    assert_eq!(read(&file).unwrap(), expected);
    assert_eq!(read(&gzip(&file)).unwrap(), expected);
}

#[test]
fn a_pair_becomes_a_dataset() {
    let data = read_pair(&idx(&[2, 1, 2], &[1, 2, 3, 4]), &gzip(&idx(&[2], &[2, 0]))).unwrap();
    assert_eq!(data.image(1), Some(&[3, 4][..]));
    assert_eq!(data.labels(), Some(&[2, 0][..]));
    assert_eq!(data.class_names(), ["0", "1", "2"]);
    assert!(data.origin(1).ends_with("a-images-idx3-ubyte, sample 1"));
}

#[test]
fn lies_are_named() {
    let cases: [(Vec<u8>, &str); 10] = [
        (vec![], "byte 0: truncated"),
        (vec![0, 0], "byte 0: truncated"),
        (vec![1, 2, 3, 4, 5], "starts with the bytes"),
        (vec![0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0], "type 0x0d"),
        (vec![0, 0, 8, 9], "9 dimensions"),
        (vec![0, 0, 8, 2, 0, 0, 0, 1, 0], "byte 8: truncated"),
        (idx(&[10], &[1, 2, 3]), "more than the file can hold"),
        (
            idx(&[u32::MAX, u32::MAX, u32::MAX], &[1]),
            "more than the file can hold",
        ),
        (idx(&[2], &[1, 2, 3]), "goes on after byte 10"),
        (gzip(&idx(&[100], &[1, 2, 3])), "ends at byte 11"),
    ];
    for (bytes, message) in cases {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nlacks {message}");
    }
}

#[test]
fn a_gzip_bomb_is_refused_before_it_is_unpacked() {
    let bomb = gzip(&idx(&[3_000_000_000, 1000], &[0; 1 << 20]));
    assert!(
        read(&bomb)
            .unwrap_err()
            .to_string()
            .contains("more than the file can hold")
    );
    let limits = Limits {
        dataset_bytes: 1000,
        ..Limits::default()
    };
    let long = idx(&[2000], &[7; 2000]);
    let error = read_from(&long[..], u64::MAX, "made", &limits).unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                needed: 2000,
                limit: 1000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_broken_gzip_stream_is_an_error() {
    let mut file = gzip(&idx(
        &[1000],
        &(0..1000).map(|i| (i * i % 251) as u8).collect::<Vec<_>>(),
    ));
    let middle = file.len() / 2;
    file.truncate(middle);
    assert!(read(&file).is_err());
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let images = idx(&[2, 1, 1], &[1, 2]);
    let error = |images: &[u8], labels: &[u8]| read_pair(images, labels).unwrap_err().to_string();
    assert!(error(&images, &idx(&[3], &[0, 1, 2])).contains("3 labels, but 2 images"));
    assert!(error(&images, &images).contains("labels have one"));
    assert!(
        error(&idx(&[2], &[0, 1]), &idx(&[2], &[0, 1])).contains("give the file of the images")
    );
    assert!(
        error(&idx(&[2, 0, 1], &[]), &idx(&[2], &[0, 1])).contains("give the file of the images")
    );
    let missing = read_idx_prefix(Path::new("no/where"), &Limits::default())
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no/where-images-idx3-ubyte"), "{missing}");
}

#[test]
fn reads_fashion_mnist() {
    let Some(folder) = fashion_mnist() else {
        return;
    };
    let data = read_idx_prefix(&folder.join("t10k"), &Limits::default()).unwrap();
    assert_eq!(
        (data.len(), data.features().sample_shape()),
        (10_000, vec![28, 28, 1])
    );
    assert_eq!(data.class_names().len(), 10);
    let labels = folder.join("train-labels-idx1-ubyte.gz");
    let error = read_idx_pair(
        &folder.join("t10k-images-idx3-ubyte.gz"),
        &labels,
        &Limits::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("60000 labels, but 10000 images"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_from(&bytes[..], bytes.len() as u64, "made", &Limits::default());
    }

    #[test]
    fn a_changed_file_is_read_or_refused(at in 0_usize..40, value: u8, zipped: bool) {
        let file = idx(&[2, 3, 4], &[9; 24]);
        let mut file = if zipped { gzip(&file) } else { file };
        let at = at % file.len();
        file[at] = value;
        if let Ok(idx) = read(&file) {
            prop_assert_eq!(idx.dimensions.iter().product::<usize>(), idx.bytes.len());
        }
    }
}
