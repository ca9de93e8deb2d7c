//! Going on with a training that was stopped, and only with the same one.

use std::collections::BTreeMap;
use std::path::Path;

use jingwei_data::Preparation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Progress, Trainer};
use crate::Error;
use crate::checkpoint::Folder;

/// What makes a training the same: two with equal identities end in the same weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The version of this library.
    pub version: String,
    /// The SIMD level.
    pub level: String,
    /// The recipe as TOML, every default written out, without what does not change the weights.
    pub recipe: String,
    /// The hash of the data, or of the choice of samples where the data are among the files.
    pub data: String,
    /// What was read beside the recipe, and the SHA-256 of its content.
    pub files: BTreeMap<String, String>,
    /// The SHA-256 of the fitted preparation: vocabulary, class names, scaling. Weights make sense with no other one.
    pub preparation: String,
}

/// What a checkpoint holds beside its tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What is trained.
    pub identity: Identity,
    /// How far it has come.
    pub progress: Progress,
}

impl Identity {
    /// The identity of a training of this process, with no files and no preparation yet.
    #[must_use]
    pub fn new(recipe: String, data: String, level: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            level,
            recipe,
            data,
            files: BTreeMap::new(),
            preparation: String::new(),
        }
    }

    /// With the hash of a fitted preparation.
    ///
    /// # Errors
    /// None for a preparation that a bundle can hold.
    pub fn with_preparation(mut self, preparation: &Preparation) -> Result<Self, Error> {
        let json = serde_json::to_vec(preparation).map_err(|error| Error::Setting {
            name: "prepare".to_owned(),
            reason: error.to_string(),
            remedy: "use plain numbers and texts".to_owned(),
        })?;
        self.preparation = jingwei_files::hexadecimal(Sha256::new_with_prefix(json));
        Ok(self)
    }

    /// What differs from `other`, an earlier training, in words; empty if nothing does.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, now: &str, then: &str| {
            if now != then {
                differences.push(format!("{what} ({then} then, {now} now)"));
            }
        };
        compare("the version of jingwei", &self.version, &other.version);
        compare("the SIMD level", &self.level, &other.level);
        let tables = [&self.recipe, &other.recipe]
            .map(|text| text.parse::<toml::Table>().unwrap_or_default());
        let [now, then] = tables.map(toml::Value::Table);
        compare_values("", Some(&now), Some(&then), &mut differences);
        if self.recipe != other.recipe && differences.is_empty() {
            differences.push("the recipe".to_owned());
        }
        let changed = self.files.iter().filter(|(name, hash)| {
            let then = other.files.get(*name);
            then.is_some_and(|then| then != *hash)
        });
        let before = differences.len();
        differences.extend(changed.map(|(name, _)| format!("{name}, which changed since")));
        if self.data != other.data && differences.len() == before {
            differences.push("the data".to_owned());
        }
        if self.files.keys().ne(other.files.keys()) && differences.is_empty() {
            differences.push("the files that it reads".to_owned());
        }
        if self.preparation != other.preparation && differences.is_empty() {
            differences.push("the preparation that was fitted".to_owned());
        }
        differences
    }
}

/// Lists the keys whose values differ.
fn compare_values(
    key: &str,
    now: Option<&toml::Value>,
    then: Option<&toml::Value>,
    differences: &mut Vec<String>,
) {
    if let (Some(toml::Value::Table(now)), Some(toml::Value::Table(then))) = (now, then) {
        let mut names: Vec<&String> = now.keys().chain(then.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let path = if key.is_empty() {
                name.clone()
            } else {
                format!("{key}.{name}")
            };
            compare_values(&path, now.get(name), then.get(name), differences);
        }
    } else if now != then {
        let text =
            |value: Option<&toml::Value>| value.map_or("not set".to_owned(), ToString::to_string);
        differences.push(format!("`{key}` ({} then, {} now)", text(then), text(now)));
    }
}

impl Trainer<'_> {
    /// Takes over the newest undamaged checkpoint of a folder, if there is one, and says what was wrong with newer ones.
    ///
    /// # Errors
    /// [`Error::OtherTraining`] if it is of another training, [`Error::Damaged`] if all checkpoints are damaged.
    pub fn resume(
        &mut self,
        folder: &Folder,
        identity: &Identity,
        run: &Path,
    ) -> Result<Vec<Error>, Error> {
        let (checkpoint, warnings) = folder.latest()?;
        let Some(checkpoint) = checkpoint else {
            return Ok(warnings);
        };
        let header: Header = checkpoint.header()?;
        let differences = identity.differences(&header.identity);
        if !differences.is_empty() {
            return Err(Error::OtherTraining {
                folder: run.to_owned(),
                differences: differences.join(", "),
            });
        }
        self.restore(&checkpoint, header.progress)?;
        folder.cut_back(self.progress().step)?;
        Ok(warnings)
    }
}
