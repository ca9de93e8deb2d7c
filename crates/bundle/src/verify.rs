//! Computing the recorded predictions again.

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
    /// Computes the recorded predictions again, at the batch size of the recording.
    ///
    /// At the SIMD level of the recording every bit must be the same if the library version is too; otherwise values
    /// may differ by 10⁻⁴, relative to those larger than 1.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with the first sample that comes out differently, [`Error::Refused`] if the stated hash of
    /// the parameters is not theirs.
    pub fn verify(&self, runtime: &Runtime) -> Result<Verified> {
        let manifest = self.manifest();
        let path = self.folder().join(WEIGHTS_FILE);
        let hash = weights_hash(&self.function().parameters, self.parameters());
        if hash != manifest.weights.parameters_sha256 {
            let cause = "the stated hash of the parameters is not theirs";
            return Err(Error::refused(&path, cause));
        }
        let runner = self.runner(runtime.clone())?;
        let inputs: Vec<&[f32]> = self.recorded_inputs().iter().map(Vec::as_slice).collect();
        let found = runner.run_at_once(&inputs, manifest.recorded.samples)?;
        let same_bits = manifest.recorded.level == runtime.level().to_string()
            && manifest.library == env!("CARGO_PKG_VERSION");
        let mut verified = Verified {
            samples: manifest.recorded.samples,
            exact: true,
            difference: 0.0,
        };
        for ((entry, found), expected) in self
            .outputs()
            .iter()
            .zip(&found)
            .zip(self.recorded_outputs())
        {
            for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let equal = found.to_bits() == expected.to_bits();
                let difference = (found - expected).abs() / expected.abs().max(1.0);
                // A comparison that a NaN fails.
                let close = difference <= TOLERANCE && !same_bits;
                if !equal && !close {
                    let (output, sample) = (entry.name.clone(), at / entry.len());
                    return Err(Error::Mismatch {
                        path,
                        output,
                        sample,
                        expected,
                        found,
                    });
                }
                verified.exact &= equal;
                verified.difference = verified.difference.max(difference);
            }
        }
        Ok(verified)
    }
}
