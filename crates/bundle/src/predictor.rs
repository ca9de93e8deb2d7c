//! Predicting with a loaded bundle.

use jingwei_data::prepare::TargetPreparation;
use jingwei_engine::Runtime;

use crate::record;
use crate::runner::Runner;
use crate::{Bundle, Error, OutputKind, Record, Result};

/// A model that answers, from many threads at once.
///
/// Plans are made once for each batch size, every caller works in memory of its own, and the weights are shared. Many
/// samples are cut into batches of at most 64, so memory does not grow with their number.
pub struct Predictor {
    bundle: Bundle,
    runner: Runner,
}

/// What a model says about one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Prediction {
    /// The most probable of several classes.
    Class {
        /// Its number.
        class: usize,
        /// Its name.
        label: String,
        /// The probability of every class.
        probabilities: Vec<f32>,
    },
    /// Numbers, in the units of the targets.
    Values(Vec<f32>),
}

impl Predictor {
    /// Makes a bundle ready to predict.
    ///
    /// # Errors
    /// If the graph cannot be planned, which a loaded bundle's can.
    pub fn new(bundle: Bundle, runtime: Runtime) -> Result<Self> {
        let runner = bundle.runner(runtime)?;
        Ok(Self { bundle, runner })
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        self.runner.runtime()
    }

    /// Everything that the graph gives, untouched: one list of `samples × values` for each output.
    ///
    /// `inputs` holds `samples × sample` prepared numbers for each input.
    ///
    /// # Errors
    /// [`Error::Input`] if there are too few or too many numbers, or one is not finite.
    pub fn run(&self, inputs: &[&[f32]], samples: usize) -> Result<Vec<Vec<f32>>> {
        self.runner.run(inputs, samples)
    }

    /// The values of the main output for prepared samples of a model with one input: probabilities, or numbers in the
    /// units of the targets, `samples × values`.
    ///
    /// # Errors
    /// As [`Predictor::run`].
    pub fn predict(&self, prepared: &[f32], samples: usize) -> Result<Vec<f32>> {
        let mut outputs = self.run(&[prepared], samples)?;
        let mut values = outputs.swap_remove(0);
        self.unscale(0, &mut values);
        Ok(values)
    }

    /// Brings the values of an output, as [`Predictor::run`] gives them, into the units of the targets. Probabilities
    /// and other outputs than the main one are left as they are.
    pub fn unscale(&self, output: usize, values: &mut [f32]) {
        let kind = self.bundle.outputs().get(output).map(|output| output.kind);
        if let (0, Some(OutputKind::Values), Some(preparation)) =
            (output, kind, self.bundle.preparation())
        {
            preparation.unscale_targets(values);
        }
    }

    /// Prepares records: `records × sample` numbers.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Data`] with the number of the first record that does not fit, from 0.
    pub fn prepare(&self, records: &[Record<'_>]) -> Result<Vec<f32>> {
        self.prepare_from(0, records)
    }

    fn prepare_from(&self, first: usize, records: &[Record<'_>]) -> Result<Vec<f32>> {
        let preparation = self.bundle.preparation().ok_or_else(|| {
            let cause = "the bundle has no preparation, so it reads prepared numbers only";
            Error::input(
                "records",
                cause,
                "give prepared numbers, or train from a recipe",
            )
        })?;
        let len = self.bundle.inputs()[0].len();
        let mut prepared = vec![0.0; records.len() * len];
        for ((index, record), out) in records.iter().enumerate().zip(prepared.chunks_mut(len)) {
            let place = format!("record {}", first + index);
            record::prepare(preparation, record, &place, out)?;
        }
        Ok(prepared)
    }

    /// Prepares records and predicts.
    ///
    /// # Errors
    /// As [`Predictor::prepare`].
    pub fn predict_raw(&self, records: &[Record<'_>]) -> Result<Vec<Prediction>> {
        let mut predictions = Vec::with_capacity(records.len());
        for (index, records) in records.chunks(PREPARED_AT_ONCE).enumerate() {
            let prepared = self.prepare_from(index * PREPARED_AT_ONCE, records)?;
            let values = self.predict(&prepared, records.len())?;
            predictions.extend(self.interpret(&values));
        }
        Ok(predictions)
    }

    /// What values of the main output, `samples × values`, say.
    pub fn interpret<'v>(&'v self, values: &'v [f32]) -> impl Iterator<Item = Prediction> + 'v {
        let output = &self.bundle.outputs()[0];
        values
            .chunks(output.len())
            .map(move |values| match (output.kind, values) {
                (OutputKind::Values, _) => Prediction::Values(values.to_vec()),
                (OutputKind::Probabilities, &[second]) => self.class(vec![1.0 - second, second]),
                (OutputKind::Probabilities, _) => self.class(values.to_vec()),
            })
    }

    fn class(&self, probabilities: Vec<f32>) -> Prediction {
        let best = |best: usize, at: usize| {
            if probabilities[at] > probabilities[best] {
                at
            } else {
                best
            }
        };
        let class = (0..probabilities.len()).fold(0, best);
        Prediction::Class {
            class,
            label: self.label(class),
            probabilities,
        }
    }

    /// The name of a class; its number if the bundle has no names.
    #[must_use]
    pub fn label(&self, class: usize) -> String {
        let names = self
            .bundle
            .preparation()
            .map_or(&[][..], |preparation| preparation.class_names());
        names
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    }

    /// The names of the predicted numbers; empty for classes and where the bundle has no names.
    pub fn target_names(&self) -> Vec<&str> {
        match self
            .bundle
            .preparation()
            .map(|preparation| &preparation.targets)
        {
            Some(TargetPreparation::Values(columns)) => {
                columns.iter().map(|column| &*column.name).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Records that are prepared before the model runs.
const PREPARED_AT_ONCE: usize = 256;
