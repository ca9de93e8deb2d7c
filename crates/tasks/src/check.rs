//! Whether a recipe can be trained, found out before the first step.
//!
//! What `check`, `init`, `estimate` and `train` refuse is decided here: the same forecast of memory, the same limits of the
//! bundle format, the same splits of the same data.

use std::fs;
use std::path::Path;

use jingwei_bundle::Parts;
use jingwei_engine::Runtime;
use jingwei_train::export::{bundle_outputs, inference_outline};
use jingwei_train::fit::foresee;
use jingwei_train::forecast::{Forecast, Load};

use crate::Error;
use crate::recipe::Part;
use crate::run::{Job, Prepared, reading};

/// Data of no more bytes are read by [`check`]; larger ones are left to the training.
pub const MOST_DATA: u64 = 64 << 20;
/// Bytes that the manifest of a bundle keeps for metrics.
pub const METRICS_BYTES: usize = 1 << 20;

/// What a check came to.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What the training takes of memory; `None` where the data were not read and the recipe does not tell enough.
    pub forecast: Option<Forecast>,
    /// Whether the data were read, cut into parts and prepared as training does it.
    pub read_data: bool,
}

/// Checks a job as far as that takes no step of training. Data of up to [`MOST_DATA`] bytes are read as the training
/// reads them; larger ones, and those that are not there, are not looked at.
///
/// # Errors
/// What training would refuse.
pub fn check(job: &Job, runtime: &Runtime) -> Result<Checked, Error> {
    let forecast = before_data(job, runtime)?;
    if !is_small(job) {
        return Ok(Checked {
            forecast,
            read_data: false,
        });
    }
    let prepared = Prepared::new(job)?;
    before_training(job, &prepared, runtime)?;
    let (_, forecast) = foresee(
        runtime,
        &prepared.functions,
        &prepared.options,
        &prepared.training_data(),
    )?;
    Ok(Checked {
        forecast: Some(forecast),
        read_data: true,
    })
}

/// Refuses a network that cannot fit, whatever the data are, before any are read; `None` where the sizes of samples are
/// known only from the data.
pub(crate) fn before_data(job: &Job, runtime: &Runtime) -> Result<Option<Forecast>, Error> {
    let Some(functions) = job.recipe.functions(&job.folder) else {
        return Ok(None);
    };
    let load = Load {
        batch: 1,
        held: 0,
        time: job.recipe.task.time(&job.recipe),
        data: 0,
    };
    let options = job.fit_options();
    Ok(Some(Forecast::new(&functions, &options, load, runtime)?))
}

/// Refuses a training that would end in a bundle that cannot be loaded.
pub(crate) fn before_training(
    job: &Job,
    prepared: &Prepared,
    runtime: &Runtime,
) -> Result<(), Error> {
    let function = inference_outline(&prepared.functions);
    let targets = &prepared.preparation.targets;
    let parts = Parts {
        task: job.recipe.task.name(),
        function: &function,
        outputs: &bundle_outputs(targets, function.outputs.len()),
        parameters: &[],
        states: &[],
        preparation: Some(&prepared.preparation),
        reading: Some(&reading(job, prepared)),
        samples: &[],
        time: 0,
        metrics: serde_json::Value::Null,
        report: None,
        recipe: None,
    };
    jingwei_bundle::foresee(&parts, runtime, METRICS_BYTES)?;
    Ok(())
}

/// Whether the data are there, and few enough to be read.
fn is_small(job: &Job) -> bool {
    let parts = [&job.recipe.data.valid, &job.recipe.data.test];
    let own = parts.into_iter().filter_map(|part| match part {
        Part::Path(path) => Some(path.as_str()),
        Part::None | Part::Held(_) => None,
    });
    let mut left = MOST_DATA;
    std::iter::once(job.recipe.data.train.as_str())
        .chain(own)
        .all(|path| take(&job.folder.join(path), &mut left))
}

/// Takes the bytes of a file, of a folder, or of the files whose names begin so; `false` if there are none, or too many.
fn take(path: &Path, left: &mut u64) -> bool {
    if path.exists() {
        return take_all(path, left);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return false;
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(files) = fs::read_dir(folder) else {
        return false;
    };
    let name = name.to_string_lossy();
    let own = files.flatten().filter(|file| {
        let file = file.file_name();
        file.to_string_lossy().starts_with(&*name)
    });
    let mut own = own.peekable();
    own.peek().is_some() && own.all(|file| take_all(&file.path(), left))
}

fn take_all(path: &Path, left: &mut u64) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    if metadata.is_dir() {
        return fs::read_dir(path)
            .is_ok_and(|files| files.flatten().all(|file| take_all(&file.path(), left)));
    }
    let bytes = fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len());
    *left = left.saturating_sub(bytes);
    *left > 0
}
