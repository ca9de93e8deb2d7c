//! What a training holds, to look at, to keep and to take back.

use jingwei_data::prepare::Pretrained;
use jingwei_engine::{AlignedVec, Buffer, Runtime};

use super::trainer::Weights;
use super::{FitOptions, Functions, Progress, Slots, Trainer};
use crate::Error;
use crate::checkpoint::{self, Checkpoint, Group};
use crate::forecast::Forecast;

/// Looking on.
impl Trainer<'_> {
    /// How far the training has come.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &FitOptions {
        self.options
    }

    /// The functions of the network.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        self.functions
    }

    /// Which parameters began with pretrained vectors.
    #[must_use]
    pub fn pretrained(&self) -> &[Pretrained] {
        &self.pretrained
    }

    /// The processor that the training runs on.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        self.runtime
    }

    /// Steps of an epoch, the last and smaller batch included.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.source.steps_per_epoch() as u64
    }

    /// Steps of the whole training, if nothing stops it early.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.steps_per_epoch().saturating_mul(self.options.epochs)
    }

    /// The parameters as the optimiser sees them.
    #[must_use]
    pub fn parameters(&self) -> &[f32] {
        self.workspace.buffer(Buffer::Parameters)
    }

    /// The tensors that a checkpoint keeps.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        let (parameters, states) = (
            &self.functions.training.parameters,
            &self.functions.training.states,
        );
        let group = |name, layout, values| Group {
            name,
            layout,
            values,
        };
        let mut groups = vec![
            group(
                "parameters",
                parameters,
                self.workspace.buffer(Buffer::Parameters),
            ),
            group("states", states, self.workspace.buffer(Buffer::States)),
        ];
        let Slots {
            trained,
            velocity,
            squares,
            average,
            ..
        } = &self.slots;
        let slots = [
            ("velocity", trained, velocity),
            ("squares", trained, squares),
            ("average", parameters, average),
        ];
        groups.extend(
            slots
                .into_iter()
                .filter(|(.., values)| !values.is_empty())
                .map(|(name, layout, values)| group(name, layout, values)),
        );
        if let Some(best) = &self.best {
            groups.push(group("best_parameters", parameters, &best.parameters));
            groups.push(group("best_states", states, &best.states));
        }
        groups
    }

    /// The weights that the training would end with now: averaged if it averages, the best if it restores them.
    #[must_use]
    pub fn weights(&self) -> Weights {
        match &self.best {
            Some(best) if self.options.restores_best() => best.clone(),
            _ => self.last_weights(),
        }
    }

    pub(super) fn last_weights(&self) -> Weights {
        let parameters = match self.slots.updater.uses_average() {
            true => self.slots.average.clone(),
            false => self.workspace.buffer(Buffer::Parameters).into(),
        };
        Weights {
            parameters,
            states: self.workspace.buffer(Buffer::States).into(),
        }
    }

    /// The hash of [`Trainer::weights`].
    #[must_use]
    pub fn weights_hash(&self) -> String {
        self.weights().hash(self.functions)
    }

    /// What the training takes of memory, as it was counted before any of it was taken.
    #[must_use]
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The bytes that the training holds: parameters, gradients, what the optimiser remembers, and the workspace.
    #[must_use]
    pub fn memory(&self) -> usize {
        let threads = self.runtime.pool().threads();
        let workspace = self
            .plans
            .iter()
            .map(|plan| plan.memory(threads))
            .max()
            .unwrap_or_default();
        let buffers = self
            .groups()
            .iter()
            .map(|group| size_of_val(group.values))
            .sum::<usize>();
        workspace + buffers + size_of_val(self.workspace.buffer(Buffer::Gradients))
    }
}

impl Weights {
    /// The SHA-256 of all values with their names.
    #[must_use]
    pub fn hash(&self, functions: &Functions) -> String {
        checkpoint::hash(&[
            Group {
                name: "parameters",
                layout: &functions.training.parameters,
                values: &self.parameters,
            },
            Group {
                name: "states",
                layout: &functions.training.states,
                values: &self.states,
            },
        ])
    }
}

/// Going on from a checkpoint.
impl Trainer<'_> {
    /// Takes over everything that a checkpoint of the same training holds.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it lacks something; the trainer is then of no further use.
    pub fn restore(&mut self, checkpoint: &Checkpoint, progress: Progress) -> Result<(), Error> {
        let (parameters, states) = (
            &self.functions.training.parameters,
            &self.functions.training.states,
        );
        checkpoint.restore(
            "parameters",
            parameters,
            self.workspace.buffer_mut(Buffer::Parameters),
        )?;
        checkpoint.restore("states", states, self.workspace.buffer_mut(Buffer::States))?;
        let Slots {
            trained,
            velocity,
            squares,
            average,
            ..
        } = &mut self.slots;
        for (name, layout, values) in [
            ("velocity", &*trained, velocity),
            ("squares", &*trained, squares),
            ("average", parameters, average),
        ] {
            if !values.is_empty() {
                checkpoint.restore(name, layout, values)?;
            }
        }
        self.best = None;
        if checkpoint.has("best_parameters") {
            let mut best = Weights {
                parameters: AlignedVec::new(parameters.len()),
                states: AlignedVec::new(states.len()),
            };
            checkpoint.restore("best_parameters", parameters, &mut best.parameters)?;
            checkpoint.restore("best_states", states, &mut best.states)?;
            self.best = Some(best);
        }
        self.progress = progress;
        Ok(())
    }
}
