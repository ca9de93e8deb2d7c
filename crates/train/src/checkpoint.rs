//! Checkpoints: everything that a training needs to go on to the same final weights, bit for bit.
//!
//! A checkpoint is one safetensors file. Its tensors are named `group/tensor` (`parameters/dense_1/kernel`,
//! `velocity/dense_1/kernel`); its metadata holds a JSON text (`jingwei`) and the SHA-256 of everything (`hash`). It is
//! written under a temporary name, synced and renamed, so that a run killed at any moment leaves whole files alone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use jingwei_engine::Layout;
use jingwei_files::hexadecimal;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Error, files};

/// The version of the format; readers refuse others.
const FORMAT: &str = "2";
/// Checkpoints of the newest steps that are kept.
const KEPT: usize = 2;
/// The largest file that is read.
const LARGEST: u64 = 1 << 36;
const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";
/// The name of the checkpoint with the best validation.
const BEST: &str = "best.safetensors";

/// A flat buffer to be kept, with the names and places of its tensors.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// What the tensors are, such as `parameters`.
    pub name: &'a str,
    /// Where they lie.
    pub layout: &'a Layout,
    /// The buffer.
    pub values: &'a [f32],
}

impl Group<'_> {
    fn tensors(&self) -> impl Iterator<Item = (String, Floats<'_>)> {
        self.layout.entries().iter().map(|entry| {
            let floats = Floats {
                sizes: &entry.sizes,
                values: &self.values[entry.range()],
            };
            (format!("{}/{}", self.name, entry.name), floats)
        })
    }
}

struct Floats<'a> {
    sizes: &'a [usize],
    values: &'a [f32],
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.sizes
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(
            self.values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        )
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

/// The SHA-256 of tensors with their names, in hexadecimal: equal exactly if all bits are.
#[must_use]
pub fn hash(groups: &[Group]) -> String {
    let mut hasher = Sha256::new();
    for (name, floats) in groups.iter().flat_map(Group::tensors) {
        hash_tensor(&mut hasher, &name, &floats.data());
    }
    hexadecimal(hasher)
}

fn hash_tensor(hasher: &mut Sha256, name: &str, bytes: &[u8]) {
    hasher.update((name.len() as u64).to_le_bytes());
    hasher.update(name);
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// The hash of the whole content, tensors in the order of their names; `bytes` gives those of one, one after another, so
/// that they are not in memory together.
fn content_hash<'a, T>(
    header: &str,
    tensors: impl IntoIterator<Item = (&'a str, T)>,
    bytes: impl Fn(&T) -> Cow<'_, [u8]>,
) -> String {
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_by_key(|(name, _)| *name);
    let mut hasher = Sha256::new();
    hasher.update(FORMAT);
    hash_tensor(&mut hasher, "", header.as_bytes());
    for (name, tensor) in tensors {
        hash_tensor(&mut hasher, name, &bytes(&tensor));
    }
    hexadecimal(hasher)
}

/// A checkpoint that was read whole and found undamaged.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    header: String,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// Reads and checks a checkpoint.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::Damaged`] if it is not exactly what was written.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let action = "read the checkpoint";
        let length = fs::metadata(path).map_err(Error::file(path, action))?.len();
        if length > LARGEST {
            return Err(damaged(
                path,
                format!("{length} bytes are more than any checkpoint has"),
            ));
        }
        let bytes = fs::read(path).map_err(Error::file(path, action))?;
        let header = check(&bytes).map_err(|reason| damaged(path, reason))?;
        Ok(Self {
            path: path.to_owned(),
            header,
            bytes,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What [`write()`] was given beside the tensors.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is something else.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.header).map_err(|error| damaged(&self.path, error.to_string()))
    }

    /// Whether there are tensors of a group.
    #[must_use]
    pub fn has(&self, group: &str) -> bool {
        let start = format!("{group}/");
        self.tensors()
            .is_ok_and(|tensors| tensors.names().iter().any(|name| name.starts_with(&start)))
    }

    /// Copies the tensors of a group to their places.
    ///
    /// # Errors
    /// [`Error::Damaged`] if one is missing or has other sizes.
    pub fn restore(&self, group: &str, layout: &Layout, values: &mut [f32]) -> Result<(), Error> {
        let tensors = self.tensors()?;
        for entry in layout.entries() {
            let name = format!("{group}/{}", entry.name);
            let tensor = tensors
                .tensor(&name)
                .map_err(|error| damaged(&self.path, error.to_string()))?;
            if tensor.shape() != entry.sizes || tensor.dtype() != Dtype::F32 {
                let reason = format!(
                    "`{name}` has the sizes {:?}, not {:?}",
                    tensor.shape(),
                    entry.sizes
                );
                return Err(damaged(&self.path, reason));
            }
            let (floats, _) = tensor.data().as_chunks::<4>();
            values[entry.range()]
                .iter_mut()
                .zip(floats)
                .for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes));
        }
        Ok(())
    }

    fn tensors(&self) -> Result<SafeTensors<'_>, Error> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| damaged(&self.path, error.to_string()))
    }
}

fn damaged(path: &Path, reason: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        place: "the checkpoint".to_owned(),
        reason,
    }
}

/// The header of undamaged bytes.
fn check(bytes: &[u8]) -> Result<String, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = metadata.metadata().as_ref().ok_or("it has no metadata")?;
    let get = |key: &str| {
        metadata
            .get(key)
            .ok_or(format!("its metadata lacks `{key}`"))
    };
    if get("format")? != FORMAT {
        return Err(format!(
            "it has the format {}, this program reads {FORMAT}",
            get("format")?
        ));
    }
    let header = get("jingwei")?.clone();
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let hash = content_hash(&header, tensors.iter(), |tensor| {
        Cow::Borrowed(tensor.data())
    });
    match hash == *get("hash")? {
        true => Ok(header),
        false => Err("its content does not match its hash".to_owned()),
    }
}

/// Writes a checkpoint in one move: the old file or the new one is there at any moment, never a part.
///
/// # Errors
/// [`Error::File`] if the disk is full or the folder unwritable; an earlier file stays intact.
pub fn write(path: &Path, header: &impl Serialize, groups: &[Group]) -> Result<(), Error> {
    let header = serde_json::to_string(header).map_err(|error| damaged(path, error.to_string()))?;
    let tensors: Vec<_> = groups.iter().flat_map(Group::tensors).collect();
    let hash = content_hash(
        &header,
        tensors.iter().map(|(name, floats)| (name.as_str(), floats)),
        |floats| floats.data(),
    );
    let metadata = HashMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("jingwei".to_owned(), header),
        ("hash".to_owned(), hash),
    ]);
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| damaged(path, error.to_string()))?;
    files::replace(path, &bytes, "write the checkpoint")
}

/// The checkpoints of one run.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder, made if it is missing.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be made.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(Error::file(&path, "make the folder of checkpoints"))?;
        Ok(Self { path })
    }

    /// Writes the checkpoint after `step` steps and removes all but the newest two and the best.
    ///
    /// # Errors
    /// As [`write()`].
    pub fn save(&self, step: u64, header: &impl Serialize, groups: &[Group]) -> Result<(), Error> {
        write(
            &self.path.join(format!("{PREFIX}{step:012}{SUFFIX}")),
            header,
            groups,
        )?;
        for (_, old) in self
            .steps()?
            .iter()
            .rev()
            .filter(|(number, _)| *number <= step)
            .skip(KEPT)
        {
            fs::remove_file(old).map_err(Error::file(old, "remove an old checkpoint"))?;
        }
        Ok(())
    }

    /// Writes the checkpoint with the best validation so far.
    ///
    /// # Errors
    /// As [`write()`].
    pub fn save_best(&self, header: &impl Serialize, groups: &[Group]) -> Result<(), Error> {
        write(&self.best(), header, groups)
    }

    /// Where the checkpoint with the best validation stands, if there is one.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// The newest undamaged checkpoint, and what is wrong with newer ones.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be read; [`Error::Damaged`] if there are checkpoints and all are damaged.
    pub fn latest(&self) -> Result<(Option<Checkpoint>, Vec<Error>), Error> {
        let mut warnings = Vec::new();
        for (_, path) in self.steps()?.into_iter().rev() {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => return Ok((Some(checkpoint), warnings)),
                Err(error) => warnings.push(error),
            }
        }
        match warnings.pop() {
            Some(error) => Err(error),
            None => Ok((None, warnings)),
        }
    }

    /// Removes the checkpoints after `step`, which a resumed run writes anew.
    ///
    /// # Errors
    /// [`Error::File`] if one cannot be removed.
    pub fn cut_back(&self, step: u64) -> Result<(), Error> {
        for (_, path) in self.steps()?.iter().filter(|(number, _)| *number > step) {
            fs::remove_file(path).map_err(Error::file(path, "remove a damaged checkpoint"))?;
        }
        Ok(())
    }

    /// The numbered checkpoints, oldest first.
    fn steps(&self) -> Result<Vec<(u64, PathBuf)>, Error> {
        let entries =
            fs::read_dir(&self.path).map_err(Error::file(&self.path, "list the checkpoints"))?;
        let step = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix(PREFIX)?
                .strip_suffix(SUFFIX)?
                .parse()
                .ok()
        };
        let mut steps = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(Error::file(&self.path, "list the checkpoints"))?
                .path();
            steps.extend(step(&path).map(|step| (step, path)));
        }
        steps.sort_unstable();
        Ok(steps)
    }
}
