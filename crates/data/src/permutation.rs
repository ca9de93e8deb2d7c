//! A keyed shuffle with random access: where sample `i` of an epoch lies, without a list in memory.

use jingwei_random::{philox, stream};

const ROUNDS: usize = 8;

/// A permutation of `0..len` that depends on nothing but `len`, `seed` and `epoch`.
///
/// An alternating Feistel network over the smallest power of two that holds `len`, walked until it falls inside
/// (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). Each look-up takes tens of nanoseconds and no
/// memory.
///
/// ```
/// let order = jingwei_data::Permutation::new(10, 1, 0);
/// let mut seen: Vec<usize> = (0..10).map(|i| order.at(i)).collect();
/// seen.sort();
/// assert_eq!(seen, (0..10).collect::<Vec<_>>());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    len: u64,
    low_bits: u32,
    low_mask: u32,
    high_mask: u32,
    keys: [u32; ROUNDS],
}

impl Permutation {
    /// The order of `len` samples in `epoch`.
    pub fn new(len: usize, seed: u64, epoch: u64) -> Self {
        let bits = usize::BITS - len.saturating_sub(1).leading_zeros();
        let low_bits = bits.div_ceil(2);
        let name = stream("order");
        let key = [
            seed as u32 ^ name as u32,
            (seed >> 32) as u32 ^ (name >> 32) as u32,
        ];
        let block = |part| philox([epoch as u32, (epoch >> 32) as u32, part, 0], key);
        let (first, second) = (block(0), block(1));
        let keys = std::array::from_fn(|round| {
            if round < 4 {
                first[round]
            } else {
                second[round - 4]
            }
        });
        Self {
            len: len as u64,
            low_bits,
            low_mask: mask(low_bits),
            high_mask: mask(bits - low_bits),
            keys,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at a position.
    ///
    /// # Panics
    /// If `position` is not below the length.
    pub fn at(&self, position: usize) -> usize {
        let mut value = position as u64;
        assert!(
            value < self.len,
            "position {position} of a permutation of {}",
            self.len
        );
        loop {
            value = self.step(value);
            if value < self.len {
                return value as usize;
            }
        }
    }

    fn step(&self, value: u64) -> u64 {
        let mut low = value as u32 & self.low_mask;
        let mut high = (value >> self.low_bits) as u32;
        for pair in self.keys.as_chunks::<2>().0 {
            high ^= mix(low ^ pair[0]) & self.high_mask;
            low ^= mix(high ^ pair[1]) & self.low_mask;
        }
        u64::from(high) << self.low_bits | u64::from(low)
    }
}

fn mask(bits: u32) -> u32 {
    ((1_u64 << bits) - 1) as u32
}

/// The 32-bit integer hash `lowbias32` of C. Wellons' hash prospector.
fn mix(mut x: u32) -> u32 {
    x = (x ^ x >> 16).wrapping_mul(0x7feb_352d);
    x = (x ^ x >> 15).wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(len: usize, seed: u64, epoch: u64) -> Vec<usize> {
        let order = Permutation::new(len, seed, epoch);
        (0..len).map(|position| order.at(position)).collect()
    }

    #[test]
    fn every_element_comes_once() {
        for len in [1, 2, 3, 4, 5, 7, 8, 9, 64, 100, 1797, 60_000] {
            let mut seen = all(len, 3, 1);
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..len), "{len}");
        }
    }

    #[test]
    fn seed_and_epoch_change_the_order() {
        assert_eq!(all(1000, 1, 1), all(1000, 1, 1));
        assert_ne!(all(1000, 1, 1), all(1000, 1, 2));
        assert_ne!(all(1000, 1, 1), all(1000, 2, 1));
    }

    #[test]
    fn every_element_reaches_every_place_about_equally_often() {
        for len in [3, 10, 33] {
            let epochs = 2000 * len;
            let mut counts = vec![0_u32; len * len];
            for epoch in 0..epochs {
                all(len, 9, epoch as u64)
                    .iter()
                    .enumerate()
                    .for_each(|(at, &value)| counts[at * len + value] += 1);
            }
            let worst = counts
                .iter()
                .map(|&count| (f64::from(count) - 2000.0).abs())
                .fold(0.0, f64::max);
            assert!(worst < 5.5 * 2000_f64.sqrt(), "{len}: {worst}");
        }
    }

    #[test]
    fn neighbours_are_unrelated() {
        let order = all(60_000, 5, 0);
        let mean = |f: &dyn Fn(usize) -> f64| (0..59_999).map(f).sum::<f64>() / 59_999.0;
        let step = mean(&|i| (order[i + 1] as f64 - order[i] as f64).abs());
        assert!((step / 20_000.0 - 1.0).abs() < 0.02, "{step}");
    }
}
