//! Mixing samples of a batch (Zhang et al., "mixup: Beyond empirical risk minimization", 2018).

use jingwei_random::{Draws, stream};

/// Tries after which the shares are taken as equal; reached less than once in 10¹⁸.
const MOST_TRIES: usize = 64;

/// Which samples are mixed, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixup {
    pub alpha: f32,
    pub seed: u64,
}

impl Mixup {
    /// The partner of a sample (positions within a batch of `batch` samples) and the share that the sample keeps.
    pub fn partner(
        &self,
        epoch: u64,
        sample: usize,
        position: usize,
        batch: usize,
    ) -> (usize, f32) {
        let mut draws = Draws::new(self.seed, stream("mixup"), epoch, sample);
        let others = batch.saturating_sub(1) as u32;
        let partner = (position + 1 + draws.below(others) as usize) % batch.max(1);
        (partner, self.share(&mut draws))
    }

    /// A number from Beta(alpha, alpha), by Jöhnk's method, which is good for alpha up to 1.
    fn share(&self, draws: &mut Draws) -> f32 {
        let power = 1.0 / f64::from(self.alpha);
        for _ in 0..MOST_TRIES {
            let first = libm::pow(f64::from(draws.uniform()), power);
            let second = libm::pow(f64::from(draws.uniform()), power);
            if first + second > 0.0 && first + second <= 1.0 {
                return (first / (first + second)) as f32;
            }
        }
        0.5
    }
}

/// `kept × share + other × (1 − share)`, in place.
pub(crate) fn mix(kept: &mut [f32], other: &[f32], share: f32) {
    kept.iter_mut()
        .zip(other)
        .for_each(|(kept, other)| *kept = *kept * share + other * (1.0 - share));
}
