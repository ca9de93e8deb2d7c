use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::{self, Content};
use crate::{Error, GraphNode, Histogram, PREFIX, graph, record};

/// Writes one event file.
///
/// Events reach the disk with [`EventWriter::flush`], which dropping the writer does too, without telling of errors.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new file in `folder`, which is made if missing, for a run that has done `step` steps (0 for a fresh
    /// one). A TensorBoard that is looking on forgets what it has read of later steps.
    ///
    /// # Errors
    ///
    /// The folder or the file cannot be made or written.
    pub fn start(folder: &Path, step: u64) -> Result<Self, Error> {
        fs::create_dir_all(folder)
            .map_err(Error::file(folder, "make the folder of event files"))?;
        let (path, file) = create(folder)?;
        let mut writer = Self {
            path,
            file: BufWriter::new(file),
        };
        writer.write(0, Content::Version)?;
        if step > 0 {
            writer.write(step + 1, Content::Start)?;
        }
        writer.flush()?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number to the series `tag`, such as `train/loss`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f32) -> Result<(), Error> {
        self.write(step, Content::Scalar(tag, value))
    }

    /// Adds a distribution to the series `tag`, such as `weights/dense_1`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn histogram(&mut self, step: u64, tag: &str, histogram: &Histogram) -> Result<(), Error> {
        self.write(step, Content::Histogram(tag, histogram))
    }

    /// Adds the graph of the model.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn graph(&mut self, nodes: &[GraphNode]) -> Result<(), Error> {
        self.write(0, Content::Graph(graph::encode(nodes)))
    }

    /// Hands everything to the system, so that TensorBoard sees it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.file
            .flush()
            .map_err(Error::file(&self.path, "write events"))
    }

    fn write(&mut self, step: u64, content: Content) -> Result<(), Error> {
        let event = event::encode(seconds(), step, content);
        self.file
            .write_all(&record::encode(&event))
            .map_err(Error::file(&self.path, "write events"))
    }
}

/// Makes a file whose name sorts after all others: TensorBoard reads files in this order.
fn create(folder: &Path) -> Result<(PathBuf, File), Error> {
    let mut number = count(folder).map_err(Error::file(folder, "list the event files"))?;
    loop {
        let path = folder.join(format!(
            "{PREFIX}{:010}.{number:04}.jingwei",
            latest(folder).max(seconds() as u64)
        ));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::file(&path, "make an event file")(error)),
        }
    }
}

fn count(folder: &Path) -> std::io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

/// The latest time in the names of the files, in case the clock was set back.
fn latest(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let time = |name: String| name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok();
    entries
        .filter_map(|entry| time(entry.file_name().into_string().ok()?))
        .max()
        .unwrap_or(0)
}

fn seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |duration| duration.as_secs_f64())
}
