use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jingwei_data::image::{Size, decode, probe};
use jingwei_data::{Error, Limits};
use proptest::prelude::*;
use serde::Deserialize;

/// What Pillow reads from a file; see `scripts/golden/images.py`.
#[derive(Deserialize)]
struct Expected {
    height: usize,
    width: usize,
    rgb: Vec<u8>,
    small_rgb: Vec<u8>,
    small_grey: Vec<u8>,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn size(height: usize, width: usize, channels: usize) -> Size {
    Size {
        height,
        width,
        channels,
    }
}

fn decoded(bytes: &[u8], size: Size) -> Result<Vec<u8>, Error> {
    decode(bytes, "made", size, &Limits::default())
}

fn assert_close(found: &[u8], expected: &[u8], tolerance: u8, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap();
    assert!(
        worst <= tolerance,
        "{what}: differs by {worst}\n{found:?}\n{expected:?}"
    );
}

#[test]
fn pictures_are_what_pillow_shows() {
    let text = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert!(all.len() >= 26);
    for (name, expected) in all {
        let bytes = file(&name);
        let (found, _) = probe(&bytes, &name, &Limits::default()).unwrap();
        assert_eq!(
            (found.height, found.width),
            (expected.height, expected.width),
            "{name}"
        );
        // Decoders of lossy formats may round differently; CMYK has no exact meaning.
        let tolerance = match name.as_str() {
            "cmyk.jpg" => 4,
            "lossy.webp" => 4,
            _ if name.ends_with(".jpg") => 3,
            _ => 1,
        };
        let whole = decoded(&bytes, size(found.height, found.width, 3)).unwrap();
        let rows = whole.chunks(found.width * 3).step_by(5);
        let some: Vec<u8> = rows
            .flat_map(|row| row.chunks(3).step_by(7).flatten().copied())
            .collect();
        assert_close(&some, &expected.rgb, tolerance, &name);
        assert_close(
            &decoded(&bytes, size(5, 7, 3)).unwrap(),
            &expected.small_rgb,
            tolerance,
            &name,
        );
        assert_close(
            &decoded(&bytes, size(5, 7, 1)).unwrap(),
            &expected.small_grey,
            tolerance,
            &name,
        );
    }
}

#[test]
fn truncated_files_are_refused() {
    for name in [
        "rgb.png",
        "rgb.jpg",
        "progressive.jpg",
        "turned6.jpg",
        "rgb.bmp",
        "lossless.webp",
        "lossy.webp",
    ] {
        let bytes = file(name);
        for length in [0, 1, 10, bytes.len() / 2, bytes.len() - 20] {
            let error = decoded(&bytes[..length], size(5, 7, 3))
                .expect_err(name)
                .to_string();
            assert!(error.starts_with("made: "), "{error}");
        }
    }
}

#[test]
fn other_files_are_refused() {
    let error = decoded(b"GIF89a and more", size(5, 7, 3))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no PNG, JPEG, BMP or WebP"), "{error}");
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused_before_memory_is_taken() {
    let mut png = file("rgb.png");
    png[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let mut bmp = file("rgb.bmp");
    bmp[18..26].copy_from_slice(&[0xff, 0x7f, 0, 0, 0xff, 0x7f, 0, 0]);
    for bytes in [png, bmp] {
        let error = decoded(&bytes, size(5, 7, 3)).unwrap_err().to_string();
        assert!(error.contains("limit"), "{error}");
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc))
    })
}

#[test]
fn impossible_sizes_are_refused() {
    for size in [size(0, 7, 3), size(5, 7, 2), size(5, 1 << 20, 1)] {
        assert!(matches!(
            decoded(&file("rgb.png"), size),
            Err(Error::Setting { .. })
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn changed_files_are_read_or_refused(
        which in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let names = ["rgb.png", "palette.png", "rgb.jpg", "cmyk.jpg", "palette.bmp", "lossless.webp", "lossy.webp"];
        let mut bytes = file(names[which]);
        changes.iter().for_each(|(at, value)| *at.get_mut(&mut bytes) = *value);
        let limits = Limits { image_bytes: 1 << 24, ..Limits::default() };
        if let Ok(pixels) = decode(&bytes, "made", size(5, 7, 1), &limits) {
            prop_assert_eq!(pixels.len(), 35);
        }
    }
}
