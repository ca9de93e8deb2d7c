//! Predicting with a loaded bundle.

use jingwei_bounds::{Budget, Exceeded, Loan, product};
use jingwei_data::prepare::{TargetPreparation, TextMap};
use jingwei_data::{Preparation, Sequences};
use jingwei_engine::Runtime;

use crate::answers::{Form, Prediction, TaggedToken, Tags};
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
    text: Option<TextMap>,
    form: Form,
}

impl Predictor {
    /// Makes a bundle ready to predict.
    ///
    /// # Errors
    /// If the graph cannot be planned, which a loaded bundle's can.
    pub fn new(bundle: Bundle, runtime: Runtime) -> Result<Self> {
        let runner = bundle.runner(runtime)?;
        let text = bundle.preparation().and_then(Preparation::text);
        let text = text.map(TextMap::new).transpose()?;
        let form = Form::new(&bundle.outputs()[0], bundle.preparation());
        Ok(Self {
            bundle,
            runner,
            text,
            form,
        })
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What the answers look like.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
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
    /// [`Error::Input`] if there are too few or too many numbers, or one is not finite; [`Error::NotFinite`] with the
    /// first sample that the model gives no finite number for.
    pub fn run(&self, inputs: &[&[f32]], samples: usize) -> Result<Vec<Vec<f32>>> {
        let budget = Budget::unlimited();
        let (outputs, _) = self.run_within(inputs, samples, &budget)?;
        Ok(outputs)
    }

    /// As [`Predictor::run`], with what the work takes from `budget`; the loan is for the outputs.
    ///
    /// # Errors
    /// As [`Predictor::run`]; and [`Error::Exceeded`] if the budget ends.
    pub fn run_within<'b>(
        &self,
        inputs: &[&[f32]],
        samples: usize,
        budget: &'b Budget,
    ) -> Result<(Vec<Vec<f32>>, Loan<'b>)> {
        let (outputs, loan) = self.runner.run(inputs, samples, budget)?;
        self.check_all(&outputs, samples)?;
        Ok((outputs, loan))
    }

    /// The values of the main output for prepared samples of a model with one input: probabilities, or numbers in the
    /// units of the targets, `samples × values`.
    ///
    /// # Errors
    /// As [`Predictor::run`].
    pub fn predict(&self, prepared: &[f32], samples: usize) -> Result<Vec<f32>> {
        let budget = Budget::unlimited();
        let (mut outputs, _) = self.answers(prepared, samples, &budget)?;
        self.check_all(&outputs, samples)?;
        Ok(outputs.swap_remove(0))
    }

    /// What the model says about each of some prepared samples of a model with one input that reads no texts; an error
    /// for those that it gives no finite number for.
    ///
    /// # Errors
    /// [`Error::Input`] as [`Predictor::run`].
    pub fn predict_each(
        &self,
        prepared: &[f32],
        samples: usize,
    ) -> Result<Vec<Result<Prediction>>> {
        let budget = Budget::unlimited();
        self.each(prepared, samples, 0, &mut budget.lend(0)?)
    }

    /// As [`Predictor::predict_each`]; `first` is the number of the first sample, and `loan` is for the predictions.
    fn each(
        &self,
        prepared: &[f32],
        samples: usize,
        first: usize,
        loan: &mut Loan<'_>,
    ) -> Result<Vec<Result<Prediction>>> {
        let (outputs, _outputs) = self.answers(prepared, samples, loan.budget())?;
        loan.grow(self.taken_by_predictions(samples))?;
        let each = outputs[0].chunks((outputs[0].len() / samples.max(1)).max(1));
        let one = |(sample, values): (usize, &[f32])| {
            self.check_one(&outputs, samples, sample, first + sample)?;
            Ok(Prediction::decode(values, &self.form))
        };
        Ok(each.enumerate().map(one).collect())
    }

    /// The values of all outputs, those of the main one in the units of the targets, finite or not.
    fn answers<'b>(
        &self,
        prepared: &[f32],
        samples: usize,
        budget: &'b Budget,
    ) -> Result<(Vec<Vec<f32>>, Loan<'b>)> {
        let (mut outputs, loan) = self.runner.run(&[prepared], samples, budget)?;
        self.unscale(0, &mut outputs[0]);
        Ok((outputs, loan))
    }

    /// The bytes that predictions take, the tokens of texts apart.
    fn taken_by_predictions(&self, samples: usize) -> usize {
        // Of two classes, one has a value; names are short beside their values.
        const NAMES: usize = 64;
        let values = self.bundle.outputs()[0].len().saturating_add(1);
        let one = values.saturating_mul(size_of::<f32>()) + size_of::<Prediction>() + NAMES;
        samples.saturating_mul(one)
    }

    /// An error for the first sample with a value that is not finite, in whichever output: what is no number in one may
    /// look like an answer in another, as the best tags do.
    fn check_all(&self, outputs: &[Vec<f32>], samples: usize) -> Result<()> {
        let all_finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        if outputs.iter().all(all_finite) {
            return Ok(());
        }
        (0..samples).try_for_each(|sample| self.check_one(outputs, samples, sample, sample))
    }

    /// An error if a sample has a value that is not finite; `record` is its number for the caller.
    fn check_one(
        &self,
        outputs: &[Vec<f32>],
        samples: usize,
        sample: usize,
        record: usize,
    ) -> Result<()> {
        for (entry, values) in self.bundle.outputs().iter().zip(outputs) {
            let len = values.len() / samples.max(1);
            let own = &values[sample * len..][..len];
            if let Some(&value) = own.iter().find(|value| !value.is_finite()) {
                return Err(Error::NotFinite {
                    place: format!("record {record}"),
                    record,
                    output: entry.name.clone(),
                    value,
                });
            }
        }
        Ok(())
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

    /// Prepares records: `records × sample` numbers. Texts get the length of the longest.
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Data`] with the number of the first record that does not fit, from 0.
    pub fn prepare(&self, records: &[Record<'_>]) -> Result<Vec<f32>> {
        let budget = Budget::unlimited();
        let (prepared, _) = self.prepare_from(0, records, &budget)?;
        Ok(prepared)
    }

    fn prepare_from<'b>(
        &self,
        first: usize,
        records: &[Record<'_>],
        budget: &'b Budget,
    ) -> Result<(Vec<f32>, Loan<'b>)> {
        let preparation = self.bundle.preparation().ok_or_else(|| {
            let cause = "the bundle has no preparation, so it reads prepared numbers only";
            Error::input(
                "records",
                cause,
                "give prepared numbers, or train from a recipe",
            )
        })?;
        if let Some(map) = &self.text {
            let (ids, _ids) = encode(map, first, records, budget)?;
            let (mut prepared, loan) = numbers([ids.len(), map.time(ids.longest())], budget)?;
            map.pad_all(&ids, &mut prepared)?;
            return Ok((prepared, loan));
        }
        let len = self.bundle.inputs()[0].len();
        let (mut prepared, loan) = numbers([records.len(), len], budget)?;
        for ((index, record), out) in records.iter().enumerate().zip(prepared.chunks_mut(len)) {
            budget.check()?;
            let place = format!("record {}", first + index);
            record::prepare_within(preparation, record, &place, out, budget)?;
        }
        Ok((prepared, loan))
    }

    /// Prepares records and predicts.
    ///
    /// # Errors
    /// As [`Predictor::prepare`], and [`Error::NotFinite`] with the first record that the model has no answer to.
    pub fn predict_raw(&self, records: &[Record<'_>]) -> Result<Vec<Prediction>> {
        let budget = Budget::unlimited();
        let (predictions, _) = self.predict_raw_within(records, &budget)?;
        Ok(predictions)
    }

    /// As [`Predictor::predict_raw`], with what the work takes from `budget`; the loan is for the predictions.
    ///
    /// # Errors
    /// As [`Predictor::predict_raw`]; and [`Error::Exceeded`] if the budget ends.
    pub fn predict_raw_within<'b>(
        &self,
        records: &[Record<'_>],
        budget: &'b Budget,
    ) -> Result<(Vec<Prediction>, Loan<'b>)> {
        let (each, loan) = self.predict_each_raw_within(records, budget)?;
        let predictions: Result<_> = each.into_iter().collect();
        Ok((predictions?, loan))
    }

    /// Prepares records and predicts; an error for each of those that the model gives no finite number for.
    ///
    /// # Errors
    /// As [`Predictor::prepare`].
    pub fn predict_each_raw(&self, records: &[Record<'_>]) -> Result<Vec<Result<Prediction>>> {
        let budget = Budget::unlimited();
        let (predictions, _) = self.predict_each_raw_within(records, &budget)?;
        Ok(predictions)
    }

    fn predict_each_raw_within<'b>(
        &self,
        records: &[Record<'_>],
        budget: &'b Budget,
    ) -> Result<(Vec<Result<Prediction>>, Loan<'b>)> {
        let mut loan = budget.lend(0)?;
        if let Some(map) = &self.text {
            let predictions = self.predict_texts(map, records, &mut loan)?;
            return Ok((predictions, loan));
        }
        let mut predictions = Vec::with_capacity(records.len());
        for (index, records) in records.chunks(PREPARED_AT_ONCE).enumerate() {
            let first = index * PREPARED_AT_ONCE;
            let (prepared, _prepared) = self.prepare_from(first, records, budget)?;
            predictions.extend(self.each(&prepared, records.len(), first, &mut loan)?);
        }
        Ok((predictions, loan))
    }

    /// Predicts from texts, those of similar length together.
    fn predict_texts(
        &self,
        map: &TextMap,
        records: &[Record<'_>],
        loan: &mut Loan<'_>,
    ) -> Result<Vec<Result<Prediction>>> {
        let budget = loan.budget();
        let (ids, _ids) = encode(map, 0, records, budget)?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&index| ids.get(index).len());
        let mut predictions: Vec<Option<Result<Prediction>>> = Vec::new();
        predictions.resize_with(ids.len(), || None);
        for members in order.chunks(TOGETHER) {
            let chosen = ids.chosen(members);
            let time = map.time(chosen.longest());
            let (mut prepared, _prepared) = numbers([members.len(), time], budget)?;
            map.pad_all(&chosen, &mut prepared)?;
            let (outputs, _outputs) = self.answers(&prepared, members.len(), budget)?;
            loan.grow(self.taken_by_predictions(members.len()))?;
            let each = outputs[0].chunks_exact((outputs[0].len() / members.len()).max(1));
            for (sample, (&index, values)) in members.iter().zip(each).enumerate() {
                let checked = self.check_one(&outputs, members.len(), sample, index);
                predictions[index] = Some(match (checked, self.bundle.outputs()[0].kind) {
                    (Err(error), _) => Err(error),
                    (Ok(()), OutputKind::Tags) => {
                        Ok(self.tags(map, &records[index], values, time, loan)?)
                    }
                    (Ok(()), _) => Ok(Prediction::decode(values, &self.form)),
                });
            }
        }
        Ok(predictions.into_iter().flatten().collect())
    }

    /// The tokens of a text with the tags that the values of its steps say.
    fn tags(
        &self,
        map: &TextMap,
        record: &Record<'_>,
        values: &[f32],
        time: usize,
        loan: &mut Loan<'_>,
    ) -> std::result::Result<Prediction, Exceeded> {
        let (text, places) = match *record {
            Record::Text(text) => (text, map.kept_places_within(text, loan.budget())?),
            Record::Tokens(text) => (text, map.token_places(text)),
            _ => ("", Vec::new()),
        };
        // Names of tags are short; each token and each name lies in a piece of memory of its own.
        const NAMES: usize = 64;
        loan.grow(
            places
                .len()
                .saturating_mul(size_of::<TaggedToken>() + NAMES),
        )?;
        loan.grow(text.len())?;
        let first = map.start(places.len(), time);
        let steps = values.chunks_exact((values.len() / time.max(1)).max(1));
        let tags = Tags::decode(text, places, steps.skip(first), &self.form);
        Ok(Prediction::Tags(tags))
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

/// Zeros, `sizes` of them multiplied, and what of the budget they take.
fn numbers(sizes: [usize; 2], budget: &Budget) -> Result<(Vec<f32>, Loan<'_>)> {
    let count = product(sizes).unwrap_or(usize::MAX);
    let loan = budget.lend(count.saturating_mul(size_of::<f32>()))?;
    Ok((vec![0.0; count], loan))
}

/// The token ids of records that are texts, and what of the budget they take; `first` is the number of the first.
fn encode<'b>(
    map: &TextMap,
    first: usize,
    records: &[Record<'_>],
    budget: &'b Budget,
) -> Result<(Sequences, Loan<'b>)> {
    let (mut all, mut ids) = (Sequences::default(), Vec::new());
    let mut loan = budget.lend(0)?;
    for (index, record) in records.iter().enumerate() {
        match record {
            Record::Text(text) => map.encode_within(text, false, &mut ids, budget)?,
            Record::Tokens(text) => map.encode_within(text, true, &mut ids, budget)?,
            _ => {
                let place = format!("record {}", first + index);
                return Err(Error::input(place, "the model reads texts", "give a text"));
            }
        }
        // The list of all may be twice as long as it must be.
        loan.grow(2 * size_of::<u32>() * (ids.len() + 2))?;
        all.push(&ids);
    }
    Ok((all, loan))
}

/// Texts that the model reads at once.
const TOGETHER: usize = 64;
/// Records that are prepared before the model runs.
const PREPARED_AT_ONCE: usize = 256;
