//! Preparing the recorded records and computing their predictions again.

use jingwei_engine::Runtime;

use crate::{Bundle, Error, Result, WEIGHTS_FILE, weights_hash};

/// How well the recorded predictions came out again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// The number of samples.
    pub samples: usize,
    /// Whether every bit is the same, as it must be at the SIMD level of the recording.
    pub exact: bool,
    /// The largest difference, divided by the larger of 1 and the recorded value.
    pub difference: f32,
}

/// The difference that another SIMD level may make.
const TOLERANCE: f32 = 1e-4;

impl Bundle {
    /// Prepares the recorded records again, where they are there, and computes the recorded predictions again, at the
    /// batch size of the recording; only if that needs more than 16 GiB, in smaller batches.
    ///
    /// What is prepared must be the same to the bit. So must predictions at the SIMD level of the recording, if the
    /// library version is the same too; otherwise values may differ by 10⁻⁴, relative to those larger than 1.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with the first sample that comes out differently, [`Error::Refused`] if the stated hash of
    /// the parameters is not theirs.
    pub fn verify(&self, runtime: &Runtime) -> Result<Verified> {
        let manifest = self.manifest();
        let hash = weights_hash(&self.function().parameters, self.parameters());
        if hash != manifest.weights.parameters_sha256 {
            let cause = "the stated hash of the parameters is not theirs";
            return Err(Error::refused(&self.folder().join(WEIGHTS_FILE), cause));
        }
        self.verify_preparation()?;
        let runner = self.runner(runtime.clone())?;
        let inputs: Vec<&[f32]> = self.recorded_inputs().iter().map(Vec::as_slice).collect();
        let samples = manifest.recorded.samples;
        let (found, at_once) = runner.run_recorded(&inputs, samples)?;
        let same_bits = at_once
            && manifest.recorded.level == runtime.level().to_string()
            && manifest.library == env!("CARGO_PKG_VERSION");
        let mut verified = Verified {
            samples,
            exact: true,
            difference: 0.0,
        };
        let outputs = self.outputs().iter().zip(self.recorded_outputs());
        for ((output, recorded), found) in outputs.zip(&found) {
            let place = format!("output `{}`", output.name);
            self.compare(&place, recorded, found, same_bits, &mut verified)?;
        }
        Ok(verified)
    }

    /// The recorded records become the recorded samples, to the bit: preparing knows no SIMD levels.
    fn verify_preparation(&self) -> Result<()> {
        let (Some(raw), Some(preparation)) = (self.recorded_raw(), self.preparation()) else {
            return Ok(());
        };
        let samples = self.manifest().recorded.samples;
        let (found, _) = raw.prepare(preparation, samples)?;
        let recorded = &self.recorded_inputs()[0];
        if found.len() != recorded.len() {
            let (expected, found) = (recorded.len(), found.len());
            let cause =
                format!("the recorded records become {found} numbers, and {expected} are recorded");
            return Err(Error::refused(&self.folder().join(WEIGHTS_FILE), cause));
        }
        let place = format!("prepared input `{}`", self.inputs()[0].name);
        let mut verified = Verified {
            samples,
            exact: true,
            difference: 0.0,
        };
        self.compare(&place, recorded, &found, true, &mut verified)
    }

    /// Compares values of all samples; where they need not be the same to the bit, they must be close.
    fn compare(
        &self,
        place: &str,
        recorded: &[f32],
        found: &[f32],
        same_bits: bool,
        verified: &mut Verified,
    ) -> Result<()> {
        let len = (recorded.len() / verified.samples).max(1);
        for (at, (&found, &expected)) in found.iter().zip(recorded).enumerate() {
            let equal = found.to_bits() == expected.to_bits();
            let difference = (found - expected).abs() / expected.abs().max(1.0);
            // A comparison that a NaN fails.
            let close = difference <= TOLERANCE && !same_bits;
            if !equal && !close {
                return Err(Error::Mismatch {
                    path: self.folder().join(WEIGHTS_FILE),
                    place: place.to_owned(),
                    sample: at / len,
                    expected,
                    found,
                });
            }
            verified.exact &= equal;
            verified.difference = verified.difference.max(difference);
        }
        Ok(())
    }
}
