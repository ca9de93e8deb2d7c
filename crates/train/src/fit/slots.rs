//! The optimiser with what it remembers.

use jingwei_engine::{AlignedVec, Layout, Plan, Workers, Workspace};
use jingwei_kernels::optimiser::{Tensors, TouchedRows};
use jingwei_nn::{Span, StepScalars, TableSpan, Updater};

use super::{FitOptions, Functions};
use crate::Error;

/// The optimiser, what it remembers between steps, and room for its sums.
pub struct Slots {
    pub(super) updater: Updater,
    /// The layout of `velocity` and `squares`: the parameters that are trained.
    pub(super) trained: Layout,
    pub(super) velocity: AlignedVec,
    pub(super) squares: AlignedVec,
    pub(super) average: AlignedVec,
    shared: AlignedVec,
    /// For each table with gradients by rows, those that the step touches.
    touched: Vec<TouchedRows>,
}

impl Slots {
    /// Plans the update of the parameters of a training; nothing is remembered yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if an option of the optimiser is out of its range.
    pub fn new(functions: &Functions, options: &FitOptions) -> Result<Self, Error> {
        let tables = tables(functions);
        let touched = tables
            .iter()
            .map(|table| TouchedRows::new(table.rows(), table.width, 0));
        let touched = touched.collect();
        let updater = Updater::new(
            &options.optimizer,
            options.clip,
            options.ema,
            &spans(functions),
        )?;
        let updater = updater.with_tables(&options.optimizer, options.ema, tables);
        let trained = functions.trained();
        let buffer = |used: bool, len| AlignedVec::new(if used { len } else { 0 });
        let all = functions.training.parameters.len();
        Ok(Self {
            velocity: buffer(updater.uses_velocity(), trained.len()),
            squares: buffer(updater.uses_squares(), trained.len()),
            average: buffer(updater.uses_average(), all),
            shared: AlignedVec::new(updater.shared()),
            touched,
            trained,
            updater,
        })
    }

    /// Floats of scratch that [`Slots::update`] needs of each worker.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.updater.scratch()
    }

    /// Makes room for the gradients of a plan, so that no update after its runs allocates.
    pub fn prepare(&mut self, plan: &Plan) {
        for (table, touched) in self.updater.tables().zip(&mut self.touched) {
            let places = plan.row_gradients().iter();
            let own = places.filter(|place| place.parameter == table.range);
            touched.reserve(own.map(|place| place.indices.len()).sum());
        }
    }

    /// Updates the parameters of a workspace after a run of a plan; returns the length of all gradients together where
    /// clipping computes it.
    pub fn update(
        &mut self,
        workers: &Workers<'_>,
        workspace: &mut Workspace,
        plan: &Plan,
        scalars: StepScalars,
    ) -> Option<f32> {
        let (parameters, gradients, arena) = workspace.update_rows();
        for (table, touched) in self.updater.tables().zip(&mut self.touched) {
            touched.clear();
            let places = plan.row_gradients().iter();
            for place in places.filter(|place| place.parameter == table.range) {
                touched.add(&arena[place.indices.clone()], place.rows.start);
            }
            touched.sort();
        }
        let tensors = Tensors {
            parameters,
            gradients,
            velocity: &mut self.velocity,
            squares: &mut self.squares,
            average: &mut self.average,
        };
        let rows = (self.touched.as_slice(), arena);
        self.updater
            .run_with_rows(workers, scalars, tensors, rows, &mut self.shared)
    }
}

/// Where parameters with dense gradients lie, each with the filling up to the next one.
fn spans(functions: &Functions) -> Vec<Span> {
    let training = &functions.training;
    let entries = training.parameters.entries();
    let ends = entries.iter().skip(1).map(|entry| entry.offset);
    let ends = ends.chain([training.gradient_len]);
    let dense = entries.iter().zip(ends).zip(&functions.parameters);
    dense
        .take_while(|((_, end), _)| *end <= training.gradient_len)
        .map(|((entry, end), parameter)| Span {
            range: entry.offset..end,
            decay: parameter.decay,
        })
        .collect()
}

/// Tables with gradients by rows.
fn tables(functions: &Functions) -> Vec<TableSpan> {
    let training = &functions.training;
    let has_rows = |name: &str| {
        training
            .row_gradients
            .iter()
            .any(|table| table.parameter == name)
    };
    let entries = training
        .parameters
        .entries()
        .iter()
        .zip(&functions.parameters);
    entries
        .filter(|(entry, _)| has_rows(&entry.name))
        .map(|(entry, parameter)| TableSpan {
            range: entry.range(),
            width: entry.sizes[1],
            decay: parameter.decay,
        })
        .collect()
}
