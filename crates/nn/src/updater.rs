//! One update of all parameters, clipped and averaged.

use std::ops::Range;

use jingwei_kernels::Workers;
use jingwei_kernels::norms::{sum_of_squares, sum_of_squares_shared};
use jingwei_kernels::optimiser::{
    Step, Tensors, TouchedRows, Update, sum_of_squares_of_rows, sum_of_squares_of_rows_shared,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Optimizer, Result};

/// Bounds on gradients; at most one may be set, as in Keras. None is by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clip {
    /// Every value of a gradient is kept within ± this bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
    /// The gradient of each parameter is scaled so that its length (the root of its sum of squares) is at most this
    /// bound (Pascanu et al. 2013).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm: Option<f32>,
    /// All gradients are scaled alike so that their common length is at most this bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_norm: Option<f32>,
}

impl Clip {
    /// Refuses two bounds at once, and bounds that are not positive.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let given = [
            ("value", self.value),
            ("norm", self.norm),
            ("global_norm", self.global_norm),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(setting, bound)| Some((setting, bound?)));
        let wrong = |setting, expected, found: f32| {
            Err(Error::Setting {
                place: "clip".into(),
                setting,
                expected,
                found: found.to_string(),
            })
        };
        match (given.next(), given.next()) {
            (Some((setting, bound)), None) if !(bound > 0.0 && bound.is_finite()) => {
                wrong(setting, "greater than 0", bound)
            }
            (_, Some((setting, bound))) => wrong(setting, "the only bound, or left out", bound),
            _ => Ok(()),
        }
    }
}

/// A second set of weights that follows the first: a ← d · a + (1 − d) · w after each step (Polyak & Juditsky 1992).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Average {
    /// d, in [0, 1); 0.99 by default, as in Keras.
    pub decay: f32,
}

impl Default for Average {
    fn default() -> Self {
        Self { decay: 0.99 }
    }
}

/// Where a parameter lies in the flat buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The values, and any filling behind them whose gradient is 0.
    pub range: Range<usize>,
    /// Whether weight decay applies.
    pub decay: bool,
}

/// A table of which a step touches a few rows, and where it lies in the flat buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpan {
    /// The values.
    pub range: Range<usize>,
    /// Values of a row.
    pub width: usize,
    /// Whether weight decay applies, to the rows that are touched.
    pub decay: bool,
}

impl TableSpan {
    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.range.len() / self.width.max(1)
    }
}

/// What differs from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepScalars {
    /// The learning rate, after the schedule.
    pub learning_rate: f32,
    /// The number of the step, 1 for the first.
    pub step: u64,
    /// What gradients are multiplied by before anything else, such as 1 / n after n accumulations; otherwise 1.
    pub gradient_scale: f32,
}

/// An optimiser, planned for the flat buffers of a network.
///
/// It holds no values: what an optimiser remembers lies in buffers of the caller's, so that they can be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Updater {
    parts: Vec<(Range<usize>, Update)>,
    tables: Vec<(TableSpan, Update)>,
    clip: Clip,
    len: usize,
}

impl Updater {
    /// Plans the update of parameters that lie one after another.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range, [`Error::Shape`] for spans that overlap or are out of order.
    pub fn new(
        optimizer: &Optimizer,
        clip: Clip,
        average: Option<Average>,
        spans: &[Span],
    ) -> Result<Self> {
        optimizer.check()?;
        clip.check()?;
        if let Some(Average { decay }) =
            average.filter(|average| !(0.0..1.0).contains(&average.decay))
        {
            let (place, expected) = ("average".to_owned(), "at least 0 and less than 1");
            return Err(Error::Setting {
                place: place.into(),
                setting: "decay",
                expected,
                found: decay.to_string(),
            });
        }
        let mut parts: Vec<(Range<usize>, Update)> = Vec::new();
        let mut len = 0;
        for Span { range, decay } in spans {
            if range.start < len || range.end < range.start {
                let expected = "parameters one after another".to_owned();
                return Err(Error::Shape {
                    place: "updater".into(),
                    expected,
                    found: format!("{range:?}"),
                });
            }
            let update = Update {
                clip_value: clip.value,
                average: average.map(|a| a.decay),
                ..optimizer.update(*decay)
            };
            match parts.last_mut() {
                Some((last, same))
                    if last.end == range.start && *same == update && clip.norm.is_none() =>
                {
                    last.end = range.end;
                }
                _ => parts.push((range.clone(), update)),
            }
            len = range.end;
        }
        let tables = Vec::new();
        Ok(Self {
            parts,
            tables,
            clip,
            len,
        })
    }

    /// Also plans the update of tables of which a step touches a few rows ("row-sparse", or lazy: rows that are not
    /// touched, and what the optimiser remembers of them, stay as they are). Their gradients do not lie in the flat
    /// buffer but are given to [`Updater::run_with_rows`].
    #[must_use]
    pub fn with_tables(
        mut self,
        optimizer: &Optimizer,
        average: Option<Average>,
        tables: Vec<TableSpan>,
    ) -> Self {
        let clip_value = self.clip.value;
        let update = |decay| Update {
            clip_value,
            average: average.map(|a| a.decay),
            ..optimizer.update(decay)
        };
        self.tables = tables
            .into_iter()
            .map(|table| (table.clone(), update(table.decay)))
            .collect();
        self
    }

    /// The tables that are updated by rows, in order.
    pub fn tables(&self) -> impl Iterator<Item = &TableSpan> {
        self.tables.iter().map(|(table, _)| table)
    }

    /// Floats of scratch that [`Updater::run_with_rows`] needs of each worker.
    #[must_use]
    pub fn scratch(&self) -> usize {
        self.tables().map(|table| table.width).max().unwrap_or(0)
    }

    fn updates(&self) -> impl Iterator<Item = &Update> {
        let parts = self.parts.iter().map(|(_, update)| update);
        parts.chain(self.tables.iter().map(|(_, update)| update))
    }

    /// Whether the buffer `velocity` is used; if not, it may be empty.
    #[must_use]
    pub fn uses_velocity(&self) -> bool {
        self.updates().any(Update::uses_velocity)
    }

    /// Whether the buffer `squares` is used; if not, it may be empty.
    #[must_use]
    pub fn uses_squares(&self) -> bool {
        self.updates().any(Update::uses_squares)
    }

    /// Whether the buffer `average` is used; if not, it may be empty. It begins as a copy of the parameters.
    #[must_use]
    pub fn uses_average(&self) -> bool {
        self.updates().any(|update| update.average.is_some())
    }

    /// The floats of temporary memory that [`Updater::run`] needs.
    #[must_use]
    pub fn shared(&self) -> usize {
        match self.clip.norm.is_some() || self.clip.global_norm.is_some() {
            true => {
                let rows =
                    |table: &TableSpan| sum_of_squares_of_rows_shared(table.rows(), table.width);
                let tables = self.tables().map(rows).max().unwrap_or(0);
                tables.max(sum_of_squares_shared(self.len))
            }
            false => 0,
        }
    }

    /// Updates everything by one step, without allocating; returns the length of all gradients together where
    /// clipping computed it.
    ///
    /// # Panics
    /// Where a buffer is shorter than the spans, or `shared` than [`Updater::shared`].
    pub fn run(
        &self,
        workers: &Workers<'_>,
        scalars: StepScalars,
        tensors: Tensors<'_>,
        shared: &mut [f32],
    ) -> Option<f32> {
        self.run_with_rows(workers, scalars, tensors, (&[], &[]), shared)
    }

    /// As [`Updater::run`], with the rows of each table that the step touches and the buffer that holds their
    /// gradients. Workers need [`Updater::scratch`].
    ///
    /// # Panics
    /// As [`Updater::run`], and where there is not one set of rows a table.
    pub fn run_with_rows(
        &self,
        workers: &Workers<'_>,
        scalars: StepScalars,
        tensors: Tensors<'_>,
        (rows, buffer): (&[TouchedRows], &[f32]),
        shared: &mut [f32],
    ) -> Option<f32> {
        assert_eq!(rows.len(), self.tables.len(), "rows of each table");
        let StepScalars {
            learning_rate,
            step,
            gradient_scale,
        } = scalars;
        let Tensors {
            parameters,
            gradients,
            velocity,
            squares,
            average,
        } = tensors;
        let length = |gradients: &[f32], shared: &mut [f32]| {
            sum_of_squares(workers, gradients, shared).sqrt() * gradient_scale
        };
        let length_of_rows = |rows: &TouchedRows, shared: &mut [f32]| {
            sum_of_squares_of_rows(workers, rows, buffer, shared).sqrt() * gradient_scale
        };
        let global = self.clip.global_norm.map(|_| {
            let dense = length(&gradients[..self.len], shared);
            let square = |length: f32| length * length;
            let tables = rows.iter().map(|rows| square(length_of_rows(rows, shared)));
            match rows {
                [] => dense,
                _ => (square(dense) + tables.sum::<f32>()).sqrt(),
            }
        });
        let mut squared = 0.0;
        for (range, update) in &self.parts {
            let own = &gradients[range.clone()];
            let found = global.or_else(|| self.clip.norm.map(|_| length(own, shared)));
            squared += found.map_or(0.0, |found| found * found);
            let scale = gradient_scale * self.clip.factor(found);
            let tensors = Tensors {
                parameters: &mut parameters[range.clone()],
                gradients: own,
                velocity: part(velocity, range, update.uses_velocity()),
                squares: part(squares, range, update.uses_squares()),
                average: part(average, range, update.average.is_some()),
            };
            update.run(
                workers,
                Step {
                    learning_rate,
                    number: step,
                    scale,
                },
                tensors,
            );
        }
        for ((table, update), rows) in self.tables.iter().zip(rows) {
            let found = global.or_else(|| self.clip.norm.map(|_| length_of_rows(rows, shared)));
            squared += found.map_or(0.0, |found| found * found);
            let range = &table.range;
            let tensors = Tensors {
                parameters: &mut parameters[range.clone()],
                gradients: buffer,
                velocity: part(velocity, range, update.uses_velocity()),
                squares: part(squares, range, update.uses_squares()),
                average: part(average, range, update.average.is_some()),
            };
            let step = Step {
                learning_rate,
                number: step,
                scale: gradient_scale * self.clip.factor(found),
            };
            update.run_rows(workers, step, tensors, rows);
        }
        global.or_else(|| self.clip.norm.map(|_| squared.sqrt()))
    }
}

impl Clip {
    /// What brings a length within its bound; one that is not a number stays so.
    fn factor(&self, found: Option<f32>) -> f32 {
        match (self.global_norm.or(self.norm), found) {
            (Some(bound), Some(found)) if found > bound || found.is_nan() => bound / found,
            _ => 1.0,
        }
    }
}

fn part<'a>(buffer: &'a mut [f32], range: &Range<usize>, used: bool) -> &'a mut [f32] {
    if used {
        &mut buffer[range.clone()]
    } else {
        &mut []
    }
}
