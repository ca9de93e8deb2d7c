//! Loading a bundle.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jingwei_data::Preparation;
use jingwei_engine::{AlignedVec, Function, Level, Plan, Runtime, Weights};

use crate::recorded::Raw;
use crate::runner::Runner;
use crate::{
    Error, InputEntry, Limits, MANIFEST_FILE, Manifest, OutputEntry, RecordedRecords, Result,
    WEIGHTS_FILE,
};
use crate::{files, tensors};

/// A loaded and checked bundle: cheap to clone, its weights are shared.
///
/// Loading treats the folder as hostile: it follows no link inside it, bounds every size before it allocates
/// ([`Limits`]), requires that manifest, graph and weights agree in every name, shape and byte, and runs nothing.
#[derive(Clone)]
pub struct Bundle {
    folder: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    manifest: Manifest,
    function: Function,
    weights: Weights,
    recorded_raw: Option<Raw>,
    recorded_inputs: Vec<Vec<f32>>,
    recorded_outputs: Vec<Vec<f32>>,
    /// The plan for one sample, made at a level to check its memory and kept for the first prediction.
    single: (Level, Arc<Plan>),
}

impl Bundle {
    /// Loads a folder under the default [`Limits`].
    ///
    /// # Errors
    /// [`Error::File`] if a file cannot be read, [`Error::Newer`] if it is of a later format, [`Error::Refused`] if
    /// anything in it is wrong; each names the file, the cause and what to do.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        Self::load_within(folder, &Limits::default())
    }

    /// Loads a folder under other limits.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn load_within(folder: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join(MANIFEST_FILE);
        let bytes = files::read(&path, limits.manifest_bytes)?;
        let manifest = Manifest::parse(bytes, &path, limits)?;
        let function = function(&manifest, limits);
        let single = check_memory(&function, manifest.recorded.time, limits)
            .map_err(|cause| Error::refused(&path, cause))?;
        let tensors = tensors::read(&folder.join(WEIGHTS_FILE), &manifest)?;
        let recorded_raw = manifest
            .recorded
            .records
            .as_ref()
            .map(|records| match records {
                RecordedRecords::Numbers => Raw::Numbers(tensors.raw),
                RecordedRecords::Texts(texts) => Raw::Texts(texts.clone()),
            });
        let shared = Shared {
            manifest,
            function,
            weights: Weights::new(Arc::new(tensors.parameters), Arc::new(tensors.states)),
            recorded_raw,
            recorded_inputs: tensors.inputs,
            recorded_outputs: tensors.outputs,
            single,
        };
        Ok(Self {
            folder: folder.to_owned(),
            shared: Arc::new(shared),
        })
    }

    /// The folder that it was loaded from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything that `jingwei.json` says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    /// What the model reads.
    #[must_use]
    pub fn inputs(&self) -> &[InputEntry] {
        &self.shared.manifest.inputs
    }

    /// What the model gives, the main output first.
    #[must_use]
    pub fn outputs(&self) -> &[OutputEntry] {
        &self.shared.manifest.outputs
    }

    /// From raw records to inputs, if the model was made with one.
    #[must_use]
    pub fn preparation(&self) -> Option<&Preparation> {
        self.shared.manifest.preparation.as_ref()
    }

    /// The computation with its layouts.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.shared.function
    }

    /// The parameters, by the function's layout.
    #[must_use]
    pub fn parameters(&self) -> &Arc<AlignedVec> {
        self.shared.weights.parameters()
    }

    /// The states, by the function's layout.
    #[must_use]
    pub fn states(&self) -> &Arc<AlignedVec> {
        self.shared.weights.states()
    }

    /// Something that runs the model.
    pub(crate) fn runner(&self, runtime: Runtime) -> Result<Runner> {
        let (level, single) = &self.shared.single;
        let single = match *level == runtime.level() {
            true => single.clone(),
            false => {
                let time = self.manifest().recorded.time;
                Arc::new(self.function().plan_for(1, time, runtime.level())?)
            }
        };
        Ok(Runner::new(
            self.function().clone(),
            self.inputs().to_vec(),
            self.outputs().to_vec(),
            self.shared.weights.clone(),
            runtime,
            single,
        ))
    }

    /// The raw records behind the recorded samples, if they are there.
    pub(crate) fn recorded_raw(&self) -> Option<&Raw> {
        self.shared.recorded_raw.as_ref()
    }

    /// The recorded samples, one list for each input.
    #[must_use]
    pub fn recorded_inputs(&self) -> &[Vec<f32>] {
        &self.shared.recorded_inputs
    }

    /// The recorded predictions, one list for each output.
    #[must_use]
    pub fn recorded_outputs(&self) -> &[Vec<f32>] {
        &self.shared.recorded_outputs
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("folder", &self.folder)
            .field("task", &self.shared.manifest.task)
            .field("parameters", &self.shared.function.parameters.values())
            .finish_non_exhaustive()
    }
}

/// The function of a checked manifest.
pub(crate) fn function(manifest: &Manifest, limits: &Limits) -> Function {
    Function::new(
        manifest.graph.clone(),
        manifest.outputs.iter().map(|output| output.node).collect(),
        tensors::layout(&manifest.parameters),
        tensors::layout(&manifest.states),
    )
    .frozen()
    .within(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX))
}

/// Plans for one sample, which allocates none of the memory that it counts.
pub(crate) fn check_memory(
    function: &Function,
    time: usize,
    limits: &Limits,
) -> std::result::Result<(Level, Arc<Plan>), String> {
    let level = Level::best();
    let plan = function
        .plan_for(1, time, level)
        .map_err(|error| error.to_string())?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (needed, limit) = (plan.memory(threads) as u64, limits.memory_bytes);
    if needed > limit {
        return Err(format!(
            "needs {needed} bytes to predict from one sample, the limit is {limit}"
        ));
    }
    Ok((level, Arc::new(plan)))
}
