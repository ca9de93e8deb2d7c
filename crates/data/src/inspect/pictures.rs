//! The pictures of a folder: classes, sizes, colours.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::{ClassCount, Summary};
use crate::image::{Size, probe, read_bounded};
use crate::image_folder::list;
use crate::source::SourceKind;
use crate::{Limits, Result};

/// Pictures whose headers are read at most, taken evenly from all.
const MOST_PROBED: usize = 2000;
/// Notes about unreadable pictures at most.
const MOST_NOTES: usize = 10;

/// The sizes of pictures, of those that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeSummary {
    /// Pictures whose headers were read.
    pub probed: usize,
    /// Pictures among them with colours.
    pub coloured: usize,
    /// Smallest, middle and largest height.
    pub heights: [usize; 3],
    /// Smallest, middle and largest width.
    pub widths: [usize; 3],
}

pub(crate) fn summarise(folder: &Path, limits: &Limits) -> Result<Summary> {
    let listing = list(folder)?;
    let count = |(name, files): (&String, &Vec<PathBuf>)| ClassCount {
        name: name.clone(),
        samples: files.len(),
    };
    let classes: Vec<ClassCount> = listing
        .classes
        .iter()
        .zip(&listing.files)
        .map(count)
        .collect();
    let samples = classes.iter().map(|class| class.samples).sum();
    let mut notes = Vec::new();
    if !listing.outside.is_empty() {
        let first = listing.outside[0].display();
        notes.push(format!(
            "{} pictures lie in no class folder, such as {first}",
            listing.outside.len()
        ));
    }
    let files: Vec<&PathBuf> = listing.files.iter().flatten().collect();
    let (sizes, failures) = probe_some(&files, limits);
    notes.extend(failures.iter().take(MOST_NOTES).cloned());
    if failures.len() > MOST_NOTES {
        notes.push(format!(
            "{} more pictures cannot be read",
            failures.len() - MOST_NOTES
        ));
    }
    let shape = sizes.as_ref().and_then(SizeSummary::shape);
    Ok(Summary {
        kind: SourceKind::ImageFolder,
        path: folder.to_owned(),
        samples,
        shape,
        classes,
        columns: Vec::new(),
        sizes,
        notes,
    })
}

impl SizeSummary {
    /// The shape of all pictures, if they have one.
    fn shape(&self) -> Option<Vec<usize>> {
        let same = self.heights[0] == self.heights[2] && self.widths[0] == self.widths[2];
        let channels = if self.coloured > 0 { 3 } else { 1 };
        same.then(|| vec![self.heights[0], self.widths[0], channels])
    }
}

/// Reads the headers of some pictures: their sizes, and what is wrong with the others.
fn probe_some(files: &[&PathBuf], limits: &Limits) -> (Option<SizeSummary>, Vec<String>) {
    let step = files.len().div_ceil(MOST_PROBED).max(1);
    let some: Vec<&PathBuf> = files.iter().step_by(step).copied().collect();
    let probed: Vec<Result<(Size, bool)>> = some
        .par_iter()
        .map(|file| {
            let bytes = read_bounded(file, limits.image_file_bytes)?;
            probe(&bytes, &file.display().to_string(), limits)
        })
        .collect();
    let (good, bad): (Vec<_>, Vec<_>) = probed.into_iter().partition(Result::is_ok);
    let good: Vec<(Size, bool)> = good.into_iter().flatten().collect();
    let notes = bad
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    let spread = |side: fn(&Size) -> usize| {
        let mut sides: Vec<usize> = good.iter().map(|(size, _)| side(size)).collect();
        sides.sort_unstable();
        Some([*sides.first()?, sides[sides.len() / 2], *sides.last()?])
    };
    let sizes = spread(|size| size.height)
        .zip(spread(|size| size.width))
        .map(|(heights, widths)| SizeSummary {
            probed: good.len(),
            coloured: good.iter().filter(|(_, colour)| *colour).count(),
            heights,
            widths,
        });
    (sizes, notes)
}
