//! Files to texts with labels or tags; every row is kept, or set aside with its file, line and cause.

mod classes;
mod conll;
mod corpus;
mod folders;
mod json_lines;
mod options;
mod rows;
mod table;
mod tagged;
mod texts;

pub use conll::Scheme;
pub use corpus::{Corpus, Counts, Labels, Origins};
pub use options::{Format, ReadOptions};
pub use texts::{Part, TextSource, Texts};

use std::path::Path;

use crate::Result;
use rows::Collector;

/// Reads a file, or a folder of class folders.
///
/// # Errors
/// If the path cannot be read, an option does not fit it, a row is bad and the options say to stop, or nothing is left.
///
/// ```
/// use jingwei_text::read::{ReadOptions, read};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("reviews.csv");
/// std::fs::write(&file, "text,label\n很好,pos\n太差, neg\n")?;
/// let corpus = read(&file, &ReadOptions::default())?;
/// assert_eq!(corpus.texts.get(1)?, "太差");
/// assert_eq!(corpus.labels.classes().unwrap(), ["neg", "pos"]);
/// assert_eq!(corpus.counts.trimmed_labels, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(path: &Path, options: &ReadOptions) -> Result<Corpus> {
    options.check()?;
    let mut collector = Collector::new(options);
    match options.format_of(path)? {
        Format::Csv => table::read(path, b',', &mut collector)?,
        Format::Tsv => table::read(path, b'\t', &mut collector)?,
        Format::JsonLines => json_lines::read(path, &mut collector)?,
        Format::Lines => rows::read_lines(path, &mut collector)?,
        Format::Folders => folders::read(path, &mut collector)?,
        Format::Conll => conll::read(path, &mut collector)?,
        Format::TaggedNames => tagged::read(path, tagged::Kind::Names, &mut collector)?,
        Format::TaggedWords => tagged::read(path, tagged::Kind::Words, &mut collector)?,
    }
    collector.finish(path)
}
