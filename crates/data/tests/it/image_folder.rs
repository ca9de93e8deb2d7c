use std::path::Path;

use jingwei_data::image::Size;
use jingwei_data::image_folder::{FolderOptions, read_image_folder, read_images};
use jingwei_data::{Dataset, Error, Limits, OnBad};

use crate::image::folder as pictures;

fn put(root: &Path, from: &str, to: &str) {
    let to = root.join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(pictures().join(from), to).unwrap();
}

fn options(on_bad: OnBad) -> FolderOptions {
    FolderOptions {
        size: Size {
            height: 8,
            width: 12,
            channels: 3,
        },
        classes: None,
        on_bad,
    }
}

fn read(root: &Path, on_bad: OnBad) -> Result<Dataset, Error> {
    read_image_folder(root, &options(on_bad), &Limits::default())
}

fn two_classes() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "rgb.png", "b/1.png");
    put(root.path(), "lossless.webp", "b/deeper/2.webp");
    put(root.path(), "rgb.bmp", "a/x.bmp");
    std::fs::write(root.path().join("README.txt"), "about").unwrap();
    std::fs::write(root.path().join("a/.hidden"), "x").unwrap();
    std::fs::write(root.path().join("a/Thumbs.db"), "x").unwrap();
    root
}

#[test]
fn folders_are_classes() {
    let root = two_classes();
    let data = read(root.path(), OnBad::Stop).unwrap();
    assert_eq!(
        (data.class_names().join(" "), data.labels()),
        ("a b".into(), Some(&[0, 1, 1][..]))
    );
    assert_eq!(data.image(0), data.image(1));
    assert_eq!(data.image(0), data.image(2));
    assert!(data.origin(2).ends_with("b/deeper/2.webp"));
}

#[test]
fn given_classes_keep_their_numbers() {
    let root = two_classes();
    let with = |classes: &[&str]| {
        let classes = Some(classes.iter().map(|name| name.to_string()).collect());
        read_image_folder(
            root.path(),
            &FolderOptions {
                classes,
                ..options(OnBad::Stop)
            },
            &Limits::default(),
        )
    };
    let data = with(&["b", "none", "a"]).unwrap();
    assert_eq!(
        (data.class_names().len(), data.labels()),
        (3, Some(&[0, 0, 2][..]))
    );
    assert!(data.origin(0).ends_with("b/1.png"));
    let error = with(&["a"]).unwrap_err().to_string();
    assert!(
        error.contains("/b: the class is none of [\"a\"]"),
        "{error}"
    );
}

#[test]
fn a_broken_picture_stops_or_is_set_aside() {
    let root = two_classes();
    std::fs::write(root.path().join("b/0.jpg"), "no picture").unwrap();
    put(root.path(), "rgb.jpg", "lost.jpg");
    let error = read(root.path(), OnBad::Stop).unwrap_err().to_string();
    assert!(
        error.contains("lost.jpg: the picture lies in no class folder"),
        "{error}"
    );
    let data = read(root.path(), OnBad::Quarantine).unwrap();
    assert_eq!(data.labels(), Some(&[0, 1, 1][..]));
    assert_eq!(data.image(0), data.image(2));
    assert_eq!(data.quarantine().len(), 2);
    assert!(data.quarantine()[1].origin.ends_with("b/0.jpg"));
    std::fs::remove_file(root.path().join("lost.jpg")).unwrap();
    let error = read(root.path(), OnBad::Stop).unwrap_err().to_string();
    assert!(error.contains("b/0.jpg: the content is no PNG"), "{error}");
}

#[test]
fn empty_classes_and_folders_are_refused() {
    let root = two_classes();
    std::fs::create_dir(root.path().join("c")).unwrap();
    let error = read(root.path(), OnBad::Quarantine)
        .unwrap_err()
        .to_string();
    assert!(error.contains("/c: the class has no pictures"), "{error}");
    std::fs::write(root.path().join("c/only.png"), "broken").unwrap();
    let error = read(root.path(), OnBad::Quarantine)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no picture of class `c` can be read"),
        "{error}"
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(
        read(empty.path(), OnBad::Stop)
            .unwrap_err()
            .to_string()
            .contains("no class folder")
    );
    assert!(matches!(
        read(&empty.path().join("no"), OnBad::Stop),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn memory_is_bounded() {
    let root = two_classes();
    let limits = Limits {
        dataset_bytes: 600,
        ..Limits::default()
    };
    let error = read_image_folder(root.path(), &options(OnBad::Stop), &limits).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { needed: 864, .. }),
        "{error}"
    );
    let limits = Limits {
        image_file_bytes: 300,
        ..Limits::default()
    };
    let error = read_image_folder(root.path(), &options(OnBad::Stop), &limits).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { limit: 300, .. }),
        "{error}"
    );
}

#[test]
fn pictures_to_be_predicted_need_no_classes() {
    let files = ["rgb.png", "turned1.jpg", "expected.json"].map(|name| pictures().join(name));
    let size = options(OnBad::Stop).size;
    let data = read_images(&files, size, OnBad::Quarantine, &Limits::default()).unwrap();
    assert_eq!((data.len(), data.quarantine().len()), (2, 1));
    assert!(read_images(&files, size, OnBad::Stop, &Limits::default()).is_err());
}
