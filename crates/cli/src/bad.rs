//! Records that give no answer: they end a command, or are passed over with a warning.

use anyhow::Result;
use jingwei_bundle::Error;
use jingwei_data::{Dataset, OnBad, Preparation, Quarantined};

use crate::printer::Printer;

/// What a command does about records that cannot be used.
pub struct Bad<'a> {
    on_bad: OnBad,
    printer: &'a Printer,
}

impl<'a> Bad<'a> {
    /// Passes over bad records if `skip` says so.
    pub fn new(skip: bool, printer: &'a Printer) -> Self {
        let on_bad = if skip { OnBad::Quarantine } else { OnBad::Stop };
        Self { on_bad, printer }
    }

    /// What readers do about them.
    pub fn on_bad(&self) -> OnBad {
        self.on_bad
    }

    /// Warns of records that were left out.
    pub fn warn(&self, left_out: &[Quarantined]) {
        for bad in left_out {
            self.printer
                .warning(format_args!("{}: left out: {}", bad.origin, bad.reason));
        }
    }

    /// The samples of a dataset whose numbers stay finite when they are scaled.
    pub fn finite(&self, preparation: &Preparation, data: &Dataset) -> Result<Vec<usize>> {
        let mut left_out = Vec::new();
        let kept = preparation.finite(data, &data.indices(), self.on_bad, &mut left_out)?;
        self.warn(&left_out);
        Ok(kept)
    }

    /// The model's answer to a sample; none if it gave no finite number and such samples are passed over.
    pub fn answer<T>(
        &self,
        data: &Dataset,
        sample: usize,
        answer: Result<T, Error>,
    ) -> Result<Option<T>> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::NotFinite { output, value, .. }) if self.on_bad == OnBad::Quarantine => {
                self.warn(&[Quarantined {
                    origin: data.origin(sample),
                    reason: format!("the model's output `{output}` is {value}"),
                }]);
                Ok(None)
            }
            Err(error) => Err(error.at(data.origin(sample)).into()),
        }
    }
}
