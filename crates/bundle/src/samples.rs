//! What a bundle's predictions are recorded for.

use jingwei_data::Preparation;

use crate::check::check_prepared;
use crate::recorded::{Raw, unit};
use crate::runner::Runner;
use crate::write::finite;
use crate::{Error, InputEntry, Limits, OutputEntry, Parts, Result};

/// Prepared samples, and the records that they were prepared from.
pub(crate) struct Samples {
    /// The records, if there are any.
    pub raw: Option<Raw>,
    /// Prepared numbers for each input.
    pub inputs: Vec<Vec<f32>>,
    /// How many samples there are.
    pub count: usize,
    /// The length of their sequences, 0 if they are none.
    pub time: usize,
}

/// Prepared samples to make up where none are given.
const MADE_UP: usize = 4;
/// Raw records to make up.
const MADE_UP_RAW: usize = 8;
/// The bytes that they shall not exceed, unless a single one does.
const MADE_UP_BYTES: usize = 4 << 20;
/// The steps of sequences that are made up.
const MADE_UP_TIME: usize = 16;

/// The length of sequences that are made up, or 0 if there are none.
pub(crate) fn time(inputs: &[InputEntry]) -> usize {
    match inputs.iter().any(InputEntry::is_sequence) {
        true => MADE_UP_TIME,
        false => 0,
    }
}

impl Samples {
    /// The given samples after a check, or made-up ones: raw records if a preparation says what they are, of numbers as far
    /// from the middle as `spread` says.
    pub(crate) fn new(
        parts: &Parts<'_>,
        inputs: &[InputEntry],
        outputs: &[OutputEntry],
        runner: &Runner,
        spread: f32,
    ) -> Result<Self> {
        match (parts.samples.is_empty(), parts.preparation) {
            (false, _) => Self::given(parts, inputs),
            (true, Some(preparation)) => {
                Self::made_up_raw(preparation, inputs, outputs, runner, spread)
            }
            (true, None) => Ok(Self::made_up(inputs)),
        }
    }

    fn given(parts: &Parts<'_>, inputs: &[InputEntry]) -> Result<Self> {
        let time = time(inputs).min(1) * parts.time;
        let count = parts.samples[0].len() / len(&inputs[0], time).max(1);
        let lengths = inputs.iter().map(|input| len(input, time) * count);
        let most = Limits::default().recorded_samples;
        if !lengths.eq(parts.samples.iter().map(|samples| samples.len()))
            || !(1..=most).contains(&count)
        {
            let found: Vec<usize> = parts.samples.iter().map(|samples| samples.len()).collect();
            let cause = format!(
                "recorded samples of {found:?} numbers do not fit the inputs {inputs:?}, or are not 1 to {most}"
            );
            return Err(Error::Parts(cause));
        }
        for (input, samples) in inputs.iter().zip(parts.samples) {
            finite(&input.name, samples)?;
        }
        Ok(Self {
            raw: None,
            inputs: parts.samples.iter().map(|one| one.to_vec()).collect(),
            count,
            time,
        })
    }

    /// Records that follow from the preparation: as many as are small enough and fit into one batch.
    fn made_up_raw(
        preparation: &Preparation,
        inputs: &[InputEntry],
        outputs: &[OutputEntry],
        runner: &Runner,
        spread: f32,
    ) -> Result<Self> {
        check_prepared(preparation, inputs).map_err(Error::Parts)?;
        let output = |output: &OutputEntry| output.sizes(MADE_UP_TIME).iter().product::<usize>();
        let values = 2 * len(&inputs[0], MADE_UP_TIME) + outputs.iter().map(output).sum::<usize>();
        let mut count = (MADE_UP_BYTES / size_of::<f32>() / values).clamp(1, MADE_UP_RAW);
        loop {
            let raw = Raw::make_up(preparation, count, spread)?;
            let (prepared, time) = raw.prepare(preparation, count)?;
            if count == 1 || runner.fits(count, time)? {
                return Ok(Self {
                    raw: Some(raw),
                    inputs: vec![prepared],
                    count,
                    time,
                });
            }
            count /= 2;
        }
    }

    /// Prepared numbers, where no preparation says what records are.
    fn made_up(inputs: &[InputEntry]) -> Self {
        let time = time(inputs);
        let made_up = |input: &InputEntry| {
            let len = MADE_UP * len(input, time);
            match input.is_sequence() {
                true => vec![1.0; len],
                false => (0..len).map(unit).collect(),
            }
        };
        Self {
            raw: None,
            inputs: inputs.iter().map(made_up).collect(),
            count: MADE_UP,
            time,
        }
    }
}

/// Values of one sample, of sequences of length `time` if it is one.
fn len(input: &InputEntry, time: usize) -> usize {
    input.sizes(time).iter().product()
}
