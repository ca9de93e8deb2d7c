use std::ops::Range;
use std::time::{Duration, Instant};

use jingwei_graph::RunContext;
use jingwei_kernels::{Place, Workers};

use crate::program::Instruction;
use crate::weights::Prepared;
use crate::{Runtime, Workspace};

/// A function bound to a batch size and lowered to kernels; immutable and shared by threads.
pub struct Plan {
    pub(crate) id: usize,
    pub(crate) instructions: Vec<(Instruction, Vec<Place>)>,
    pub(crate) inputs: Vec<Place>,
    pub(crate) input_names: Vec<String>,
    pub(crate) outputs: Vec<Place>,
    pub(crate) row_gradients: Vec<RowPlace>,
    pub(crate) constants: Vec<f32>,
    /// It runs over weights that no longer change, and these are the matrices that it wants prepared.
    pub(crate) frozen: bool,
    pub(crate) prepared: Vec<Prepared>,
    pub(crate) arena: usize,
    pub(crate) scratch: usize,
    pub(crate) tables: usize,
    pub(crate) batch: usize,
    pub(crate) time: usize,
}

/// Where a run leaves gradients of a few rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The table, in the buffer of the parameters.
    pub parameter: Range<usize>,
    /// Values of a row.
    pub width: usize,
    /// The numbers of the rows, in the arena.
    pub indices: Range<usize>,
    /// A gradient for each of them, one after another, in the arena.
    pub rows: Range<usize>,
}

/// How long one kernel of a plan took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The kernel.
    pub kernel: &'static str,
    /// The layer that it belongs to.
    pub layer: String,
    /// The shortest of the runs.
    pub time: Duration,
}

impl Plan {
    /// Runs every kernel once, in order.
    ///
    /// Inputs are filled before with [`Workspace::input_mut`], outputs read afterwards with [`Workspace::output`]. From
    /// the second run in a workspace on, nothing is allocated.
    pub fn run(&self, runtime: &Runtime, workspace: &mut Workspace, context: RunContext) {
        workspace.prepare(self);
        let Workspace {
            buffers, scratch, ..
        } = workspace;
        let workers = Workers::new(runtime.level(), runtime.pool(), scratch);
        for (instruction, places) in &self.instructions {
            (instruction.run)(&workers, buffers, places, context);
        }
    }

    /// Runs `runs` times and reports the shortest time of each kernel.
    pub fn profile(
        &self,
        runtime: &Runtime,
        workspace: &mut Workspace,
        runs: usize,
    ) -> Vec<Timing> {
        workspace.prepare(self);
        let Workspace {
            buffers, scratch, ..
        } = workspace;
        let workers = Workers::new(runtime.level(), runtime.pool(), scratch);
        let mut best = vec![Duration::MAX; self.instructions.len()];
        for _ in 0..runs {
            for ((instruction, places), best) in self.instructions.iter().zip(&mut best) {
                let start = Instant::now();
                (instruction.run)(&workers, buffers, places, RunContext::default());
                *best = (*best).min(start.elapsed());
            }
        }
        let timing = |((instruction, _), time): (&(Instruction, _), _)| Timing {
            kernel: instruction.name,
            layer: instruction.layer.clone(),
            time,
        };
        self.instructions.iter().zip(best).map(timing).collect()
    }

    /// Where a run leaves gradients by rows, in the order of [`crate::Function::row_gradients`].
    #[must_use]
    pub fn row_gradients(&self) -> &[RowPlace] {
        &self.row_gradients
    }

    /// The names of the inputs, in the order of [`Workspace::input_mut`].
    #[must_use]
    pub fn input_names(&self) -> &[String] {
        &self.input_names
    }

    /// The place of a named input.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<usize> {
        self.input_names.iter().position(|own| own == name)
    }

    /// The number of samples that the plan was bound to.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The length of sequences that the plan was bound to; 0 if it was bound without one.
    #[must_use]
    pub fn time(&self) -> usize {
        self.time
    }

    /// The bytes that a workspace needs for this plan, parameters, gradients and states apart.
    #[must_use]
    pub fn memory(&self, threads: usize) -> usize {
        let scratch = self.scratch.saturating_mul(threads);
        [scratch, self.constants.len(), self.tables]
            .into_iter()
            .fold(self.arena, usize::saturating_add)
            .saturating_mul(size_of::<f32>())
    }

    /// The kernels, in order, with their layers.
    pub fn kernels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.instructions
            .iter()
            .map(|(instruction, _)| (instruction.name, instruction.layer.as_str()))
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.kernels()).finish()
    }
}
