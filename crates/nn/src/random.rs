//! Random numbers for the first values of parameters.
//!
//! A number depends on its key and counter alone, so that it is the same whoever asks for it, and in whatever order.

use jingwei_random::{philox, stream};

/// The random numbers of one tensor, keyed by a seed and a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random {
    seed: u64,
    stream: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        Self {
            seed,
            stream: stream(name),
        }
    }

    /// Four words for one element; `attempt` tells apart what one element draws again and again.
    fn words(self, element: usize, attempt: u32) -> [u32; 4] {
        let counter = [
            element as u32,
            attempt,
            self.stream as u32,
            (self.stream >> 32) as u32,
        ];
        philox(counter, [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// A number in [0, 1).
    pub(crate) fn unit(self, element: usize) -> f64 {
        unit(self.words(element, 0), 0)
    }

    /// A number of the standard normal distribution (Box & Muller 1958).
    pub(crate) fn normal(self, element: usize, attempt: u32) -> f64 {
        let words = self.words(element, attempt);
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - unit(words, 0)));
        radius * libm::cos(std::f64::consts::TAU * unit(words, 2))
    }

    /// A number of the standard normal distribution within two standard deviations.
    pub(crate) fn truncated_normal(self, element: usize) -> f64 {
        (0..)
            .map(|attempt| self.normal(element, attempt))
            .find(|value| value.abs() <= 2.0)
            .unwrap_or(0.0)
    }
}

/// 53 bits of two words, as a fraction.
fn unit(words: [u32; 4], first: usize) -> f64 {
    let bits = u64::from(words[first]) << 32 | u64::from(words[first + 1]);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
