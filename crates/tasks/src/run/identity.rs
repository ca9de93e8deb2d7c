//! What makes a training the same: everything that a recipe has it read, by content.

use std::collections::BTreeMap;
use std::path::Path;

use jingwei_data::prepare::PrepareOptions;
use jingwei_data::{Dataset, Features, Targets};
use jingwei_engine::Runtime;
use jingwei_files::hexadecimal;
use jingwei_train::fit::Identity;
use sha2::{Digest, Sha256};

use super::{Job, Prepared, Source};
use crate::Error;
use crate::recipe::{CheckpointRecipe, DataRecipe, Part, Recipe, ReportRecipe};

impl Job {
    /// What makes this training the same as another one.
    pub(super) fn identity(
        &self,
        prepared: &Prepared,
        runtime: &Runtime,
    ) -> Result<Identity, Error> {
        let mut recipe = self.recipe.clone();
        recipe.report = ReportRecipe::default();
        recipe.train.checkpoint = CheckpointRecipe::default();
        let text = recipe.to_toml_with_defaults()?;
        let identity = Identity::new(text, prepared.source.choice(), runtime.level().to_string());
        let identity = Identity {
            files: self.files(prepared)?,
            ..identity
        };
        Ok(identity.with_preparation(&prepared.preparation)?)
    }

    /// Everything that the recipe has the training read, by what it is, with the hash of its content. The tables of the
    /// recipe and the fields that hold files are spelled out, so that a new one cannot be forgotten.
    fn files(&self, prepared: &Prepared) -> Result<BTreeMap<String, String>, Error> {
        let Recipe {
            task: _,
            data,
            prepare,
            augment: _,
            // What layers read comes through the first values of their parameters.
            model: _,
            train: _,
            report: _,
        } = &self.recipe;
        let mut files = data_hashes(data, &prepared.source);
        let PrepareOptions {
            images: _,
            columns: _,
            column: _,
            target: _,
            text,
        } = prepare;
        let mut text = text.clone();
        let named = match prepared.preparation.text() {
            Some(_) => text.files_mut(),
            None => Vec::new(),
        };
        for (what, path) in named {
            let name = format!("the {what} `{}`", path.display());
            files.insert(name, hash(&self.folder.join(path))?);
        }
        let parameters = prepared.functions.parameters.iter();
        for prior in parameters.filter_map(|parameter| parameter.prior.as_ref()) {
            for (what, path) in prior.files() {
                let path = Path::new(path);
                let own = path.strip_prefix(&self.folder).unwrap_or(path);
                files.insert(format!("the {what} `{}`", own.display()), hash(path)?);
            }
        }
        Ok(files)
    }
}

/// The data by their names in the recipe, with the hashes of all that was read of them.
fn data_hashes(recipe: &DataRecipe, source: &Source) -> BTreeMap<String, String> {
    let DataRecipe {
        train,
        valid,
        test,
        on_bad: _,
        duplicates: _,
        classes: _,
        image: _,
        target: _,
        columns: _,
        text: _,
    } = recipe;
    let name = |path: &str| format!("the data `{path}`");
    let mut hashes = BTreeMap::from([(name(train), dataset_hash(&source.dataset))]);
    for (part, read) in [(valid, &source.valid), (test, &source.test)] {
        let own = read.as_ref().and_then(|read| read.own.as_ref());
        match (part, own) {
            (Part::Path(path), Some(own)) => {
                hashes.insert(name(path), dataset_hash(own));
            }
            (Part::Path(_) | Part::None | Part::Held(_), _) => {}
        }
    }
    hashes
}

/// The hash of features, targets and their names.
fn dataset_hash(dataset: &Dataset) -> String {
    let mut hasher = Sha256::new();
    for length in dataset.features().sample_shape() {
        hasher.update((length as u64).to_le_bytes());
    }
    match dataset.features() {
        Features::Images { pixels, .. } => hasher.update(pixels),
        Features::Rows { columns, values } => {
            texts(&mut hasher, columns);
            floats(&mut hasher, values);
        }
        Features::Texts(column) => {
            hasher.update([u8::from(column.tokenised)]);
            // A text that can no longer be read is refused when it is encoded.
            let all = (0..column.texts.len()).map(|at| column.texts.get(at).unwrap_or_default());
            all.for_each(|text| bytes(&mut hasher, text.as_bytes()));
        }
    }
    match dataset.targets() {
        Targets::Classes { labels, names } => {
            texts(&mut hasher, names);
            numbers(&mut hasher, labels);
        }
        Targets::Labels {
            names,
            labels: lists,
        }
        | Targets::Tags { names, tags: lists } => {
            texts(&mut hasher, names);
            lists.iter().for_each(|list| numbers(&mut hasher, list));
        }
        Targets::Values { names, values } => {
            texts(&mut hasher, names);
            floats(&mut hasher, values);
        }
        Targets::None => {}
    }
    hexadecimal(hasher)
}

/// Hashes bytes behind their number, so that no two lists of them are hashed alike.
fn bytes(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn texts(hasher: &mut Sha256, texts: &[String]) {
    hasher.update((texts.len() as u64).to_le_bytes());
    texts.iter().for_each(|text| bytes(hasher, text.as_bytes()));
}

fn numbers(hasher: &mut Sha256, numbers: &[u32]) {
    hasher.update((numbers.len() as u64).to_le_bytes());
    for number in numbers {
        hasher.update(number.to_le_bytes());
    }
}

fn floats(hasher: &mut Sha256, values: &[f32]) {
    let mut bytes = [0; 4096];
    for values in values.chunks(1024) {
        for (bytes, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(values) {
            *bytes = value.to_le_bytes();
        }
        hasher.update(&bytes[..values.len() * 4]);
    }
}

fn hash(path: &Path) -> Result<String, Error> {
    jingwei_files::hash(path).map_err(Error::file(path, "read the file"))
}
