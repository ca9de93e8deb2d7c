//! NumPy's `.npy` form with a list of words beside it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::encoding::Lines;
use crate::prepare::Vocabulary;
use crate::vectors::{Gatherer, Vectors};
use crate::{Error, Result};

/// Kinds of numbers that are read, all little-endian.
#[derive(Clone, Copy)]
enum Number {
    F32,
    F64,
}

struct Header {
    number: Number,
    rows: u64,
    width: usize,
    bytes: u64,
}

pub(super) fn load(path: &Path, words: &Path, vocabulary: &Vocabulary) -> Result<Vectors> {
    let unreadable = |source| Error::unreadable(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let wrong = |cause: String| {
        let remedy = "save it with numpy.save as a float32 array of [words, width]";
        Error::content(path.display(), cause, remedy)
    };
    let header = header(&mut reader).map_err(wrong)?;
    let mut gatherer = Gatherer::new(vocabulary, header.width, path)?;
    let size = match header.number {
        Number::F32 => 4,
        Number::F64 => 8,
    };
    let wanted =
        (header.rows as u128) * (header.width as u128) * size as u128 + header.bytes as u128;
    if wanted != u128::from(length) {
        return Err(wrong(format!(
            "it has {length} bytes instead of {wanted}; it may be cut short"
        )));
    }
    let mut lines = Lines::open(words, None, 1 << 16)?;
    let mut word = String::new();
    let mut bytes = vec![0; header.width * size];
    for row in 0..header.rows {
        let Some(line) = lines.next_line(&mut word)? else {
            let cause = format!(
                "it has {row} words, the vectors are {}; it may be cut short",
                header.rows
            );
            return Err(Error::content(
                words.display(),
                cause,
                "give each vector its word",
            ));
        };
        if line.too_long {
            let place = format!("{}, line {}", words.display(), line.number);
            return Err(Error::content(
                place,
                "no word is that long",
                "write a word a line",
            ));
        }
        reader.read_exact(&mut bytes).map_err(unreadable)?;
        if let Some(values) = gatherer.row(&word) {
            for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(size)) {
                *value = match header.number {
                    Number::F32 => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
                    Number::F64 => f64::from_le_bytes([
                        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6],
                        bytes[7],
                    ]) as f32,
                };
                if !value.is_finite() {
                    return Err(wrong(format!("row {row} has a number that is not finite")));
                }
            }
        }
    }
    if lines.next_line(&mut word)?.is_some() {
        let cause = format!("it has more words than the {} vectors", header.rows);
        return Err(Error::content(
            words.display(),
            cause,
            "give each vector its word",
        ));
    }
    Ok(gatherer.finish())
}

fn header(reader: &mut impl Read) -> std::result::Result<Header, String> {
    let mut start = [0; 8];
    let short = |_| "it ends within its header".to_owned();
    reader.read_exact(&mut start).map_err(short)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err("it is not an .npy file".to_owned());
    }
    let mut len = [0; 4];
    let field = if start[6] == 1 { 2 } else { 4 };
    reader.read_exact(&mut len[..field]).map_err(short)?;
    let len = u32::from_le_bytes(len);
    if len > 1 << 16 {
        return Err(format!("its header has {len} bytes"));
    }
    let mut text = vec![0; len as usize];
    reader.read_exact(&mut text).map_err(short)?;
    let text = String::from_utf8_lossy(&text).replace(' ', "");
    let number = match () {
        () if text.contains("'descr':'<f4'") => Number::F32,
        () if text.contains("'descr':'<f8'") => Number::F64,
        () => {
            return Err(format!(
                "its numbers are neither float32 nor float64: {}",
                text.trim_end()
            ));
        }
    };
    if !text.contains("'fortran_order':False") {
        return Err("its numbers are in Fortran's order".to_owned());
    }
    let shape = text
        .split_once("'shape':(")
        .and_then(|rest| rest.1.split_once(')'))
        .map(|rest| rest.0);
    let sizes: Option<Vec<u64>> = shape.map(|shape| {
        shape
            .split(',')
            .filter(|size| !size.is_empty())
            .filter_map(|size| size.parse().ok())
            .collect()
    });
    match sizes.as_deref() {
        Some(&[rows, width]) => Ok(Header {
            number,
            rows,
            width: usize::try_from(width).map_err(|_| "its rows are too wide".to_owned())?,
            bytes: 8 + field as u64 + u64::from(len),
        }),
        _ => Err(format!(
            "its shape is ({}), not (words, width)",
            shape.unwrap_or("")
        )),
    }
}
