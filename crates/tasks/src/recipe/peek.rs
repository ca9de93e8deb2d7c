//! The sizes of a sample, from the first bytes of the data.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use jingwei_data::idx::find_pair;
use jingwei_data::source::{SourceKind, detect};
use jingwei_graph::Dim;
use jingwei_nn::{Sizes, TIME};

use super::Recipe;

/// The sizes of a sample where the recipe or the head of a file tells them; reading the data tells the rest.
pub(super) fn sample_sizes(recipe: &Recipe, folder: &Path) -> Option<Sizes> {
    if recipe.task.reads_text() {
        let length = recipe.prepare.text.length;
        return Some(Sizes(vec![length.map_or(TIME, Dim::Size)]));
    }
    fixed_sizes(recipe, folder).map(Sizes::from)
}

fn fixed_sizes(recipe: &Recipe, folder: &Path) -> Option<Vec<usize>> {
    let (data, model) = (&recipe.data, &recipe.model);
    if let Some(sizes) = &model.input {
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
        SourceKind::ImageFolder => image(),
        SourceKind::Csv => Some(vec![data.columns.0.len()]).filter(|sizes| sizes[0] > 0),
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
