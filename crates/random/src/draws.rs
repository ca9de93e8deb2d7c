use crate::philox;

/// Random numbers for one place: a seed, a stream, an epoch and a sample.
#[derive(Debug, Clone)]
pub struct Draws {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    left: usize,
}

impl Draws {
    /// Numbers for `sample` in `epoch`, independent of those of any other seed, stream, epoch or sample.
    /// Epochs and samples count modulo 2³² .
    #[must_use]
    pub fn new(seed: u64, stream: u64, epoch: u64, sample: usize) -> Self {
        let words = philox([stream as u32, (stream >> 32) as u32, 0, 0], halves(seed));
        let counter = [0, epoch as u32, sample as u32, words[2]];
        Self {
            key: [words[0], words[1]],
            counter,
            block: [0; 4],
            left: 0,
        }
    }

    /// The next 32 random bits.
    pub fn bits(&mut self) -> u32 {
        if self.left == 0 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.left = 4;
        }
        self.left -= 1;
        self.block[3 - self.left]
    }

    /// A number in `[0, 1)`, one of 2²⁴.
    pub fn uniform(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number in `[-bound, bound)`.
    pub fn symmetric(&mut self, bound: f32) -> f32 {
        (self.uniform() * 2.0 - 1.0) * bound
    }

    /// A whole number in `0..count`; 0 if `count` is 0.
    pub fn below(&mut self, count: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(count)) >> 32) as u32
    }

    /// True in one of two cases.
    pub fn coin(&mut self) -> bool {
        self.bits() >> 31 == 1
    }
}

fn halves(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::Draws;
    use crate::stream;

    #[test]
    fn draws_stay_in_their_bounds_and_spread_evenly() {
        let mut draws = Draws::new(1, stream("test"), 2, 3);
        let mean = (0..10_000)
            .map(|_| draws.uniform())
            .inspect(|u| assert!((0.0..1.0).contains(u)))
            .sum::<f32>()
            / 1e4;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!((0..1000).all(|_| draws.below(7) < 7));
    }
}
