//! Counter-based random numbers: Philox 4×32 with 10 rounds (Salmon et al. 2011).
//!
//! A number depends on its key and counter alone, so that it is the same whoever asks for it, and in whatever order.

/// The random numbers of one tensor, keyed by a seed and a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random {
    seed: u64,
    stream: u64,
}

/// The 64-bit FNV-1a hash of a name, which keys the random numbers of a layer or a tensor.
///
/// ```
/// assert_eq!(jingwei_nn::stream("a"), 0xaf63_dc4c_8601_ec8c);
/// ```
#[must_use]
pub fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
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

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(counter[0]) * 0xD251_1F53;
        let second = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123's `kat_vectors`.
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
    }
}
