//! The sizes of a picture, from the first bytes of the data.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use jingwei_data::idx::find_pair;
use jingwei_data::source::{SourceKind, detect};

use crate::recipe::Recipe;

/// The sizes of a sample where the recipe or the head of a file tells them; reading the data tells the rest.
pub(super) fn sizes(recipe: &Recipe, folder: &Path) -> Option<Vec<usize>> {
    let data = &recipe.data;
    if let Some(sizes) = &recipe.model.input {
        return Some(sizes.clone());
    }
    let image = || {
        data.image
            .map(|image| vec![image.height, image.width, image.channels])
    };
    let Ok(found) = detect(&folder.join(&data.train)) else {
        return image();
    };
    match found.kind {
        SourceKind::Idx => idx_sizes(&find_pair(&found.train).ok()?.0),
        SourceKind::Cifar10 => Some(vec![32, 32, 3]),
        SourceKind::ImageFolder | SourceKind::Csv => image(),
    }
}

/// The sizes in the head of an IDX file of images, plain or gzip.
fn idx_sizes(path: &Path) -> Option<Vec<usize>> {
    let mut start = [0; 2];
    File::open(path).ok()?.read_exact(&mut start).ok()?;
    let file = File::open(path).ok()?;
    let mut head = [0; 20];
    let mut reader: Box<dyn Read> = if start == [0x1f, 0x8b] {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    reader.read_exact(&mut head).ok()?;
    let rank = usize::from(head[3]);
    let sizes: Vec<usize> = head[8..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_be_bytes(*bytes) as usize)
        .collect();
    match rank {
        3 => Some(vec![sizes[0], sizes[1], 1]),
        4 => Some(sizes),
        _ => None,
    }
}
