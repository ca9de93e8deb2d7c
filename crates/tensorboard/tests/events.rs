//! Event files: framing, resuming, and TensorBoard's own reader where it is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crc32c::crc32c;
use jingwei_tensorboard::{EventWriter, GraphNode, Histogram, cut_back};

fn write(folder: &Path, start: u64, steps: std::ops::RangeInclusive<u64>) -> PathBuf {
    let mut writer = EventWriter::start(folder, start).unwrap();
    writer.graph(&nodes()).unwrap();
    for step in steps {
        writer
            .scalar(step, "train/loss", 1.0 / step as f32)
            .unwrap();
        let weights: Vec<f32> = (0..1000)
            .map(|index| (index as f32 * 0.37).sin() * step as f32)
            .collect();
        writer
            .histogram(step, "weights/dense 1", &Histogram::new(&weights).unwrap())
            .unwrap();
    }
    writer.flush().unwrap();
    writer.path().to_owned()
}

fn nodes() -> Vec<GraphNode> {
    let node = |name: &str, op: &str, inputs: &[&str], shape: &[Option<u64>]| GraphNode {
        name: name.into(),
        op: op.into(),
        inputs: inputs.iter().map(|input| input.to_string()).collect(),
        shape: shape.to_vec(),
        attributes: vec![("activation".into(), "relu".into())],
    };
    vec![
        node("image", "Input", &[], &[None, Some(28), Some(28), Some(1)]),
        node(
            "block/conv:1",
            "Conv2D",
            &["image"],
            &[None, Some(26), Some(26), Some(32)],
        ),
    ]
}

/// The checksum of TFRecords.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The (step, tag, value) of all scalars of a file, checking the frame of each record.
fn scalars(path: &Path) -> Vec<(u64, String, f32)> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], masked_crc32c(&rest[..8]).to_le_bytes());
        let payload = &rest[12..12 + length];
        assert_eq!(
            rest[12 + length..16 + length],
            masked_crc32c(payload).to_le_bytes()
        );
        rest = &rest[16 + length..];
        let event = fields(payload);
        for summary in event.iter().filter(|field| field.0 == 5) {
            let value = fields(&fields(&summary.2)[0].2);
            if let Some(number) = value.iter().find(|field| field.0 == 2) {
                let step = event.iter().find(|field| field.0 == 2).unwrap().1;
                let number = f32::from_le_bytes(number.2[..].try_into().unwrap());
                found.push((step, String::from_utf8(value[0].2.clone()).unwrap(), number));
            }
        }
    }
    found
}

/// The fields of a message: number, integer, bytes.
fn fields(mut message: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    let varint = |message: &mut &[u8]| {
        let length = message.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let (bytes, rest) = message.split_at(length);
        *message = rest;
        bytes
            .iter()
            .rev()
            .fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f))
    };
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key & 7 {
            0 => {
                fields.push((key >> 3, varint(&mut message), Vec::new()));
                continue;
            }
            1 => 8,
            5 => 4,
            _ => varint(&mut message) as usize,
        };
        fields.push((key >> 3, 0, message[..length].to_vec()));
        message = &message[length..];
    }
    fields
}

#[test]
fn cutting_back_removes_later_steps_and_torn_records() {
    let folder = tempfile::tempdir().unwrap();
    cut_back(&folder.path().join("none"), 3).unwrap();
    let first = write(folder.path(), 0, 1..=6);
    let whole = fs::read(&first).unwrap();
    fs::write(&first, &whole[..whole.len() - 3]).unwrap();
    cut_back(folder.path(), 4).unwrap();
    let second = write(folder.path(), 4, 5..=6);
    assert!(second > first, "{second:?} must sort after {first:?}");
    let steps = |path: &Path| {
        scalars(path)
            .iter()
            .map(|scalar| scalar.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (steps(&first), steps(&second)),
        (vec![1, 2, 3, 4], vec![5, 6])
    );
    assert_eq!(scalars(&first)[3], (4, "train/loss".into(), 0.25));
    cut_back(folder.path(), 4).unwrap();
    assert_eq!(steps(&second), Vec::<u64>::new());
}

#[test]
fn a_damaged_record_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 0, 1..=3);
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = cut_back(folder.path(), 1).unwrap_err().to_string();
    assert!(
        error.contains("byte ") && error.contains("checksum"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn histograms_count_every_finite_value() {
    assert_eq!(Histogram::new(&[]), None);
    assert_eq!(Histogram::new(&[f32::NAN]), None);
    assert_eq!(
        Histogram::new(&[1.0, f32::INFINITY, 1.0]).unwrap().count(),
        2.0
    );
    assert_eq!(Histogram::new(&[-2.0, 0.5, 3.0]).unwrap().count(), 3.0);
}

/// Needs Python with the package `tensorboard`, named by the variable `JINGWEI_TEST_PYTHON`; does nothing otherwise.
#[test]
fn tensorboard_reads_a_resumed_run() {
    let Some(python) = std::env::var_os("JINGWEI_TEST_PYTHON") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0, 1..=6);
    cut_back(folder.path(), 4).unwrap();
    write(folder.path(), 4, 5..=8);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_events.py");
    let output = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let expected = "scalars [1, 2, 3, 4, 5, 6, 7, 8] 0.125\n\
                    histograms 8 1000\n\
                    graph image:Input block/conv_1:Conv2D<-image [-1, 26, 26, 32] relu\n";
    assert_eq!(text, expected);
}
