//! Filling the inputs of a step from all threads.

use std::sync::Mutex;

use jingwei_data::BatchSource;
use jingwei_kernels::Workers;

/// Pieces that a batch is cut into: enough for a thread that is late to give some away.
const PIECES: usize = 16;

/// Writes the features and targets of a batch, each thread its own samples. Nothing is allocated.
pub(super) fn fill(
    workers: &Workers,
    source: &BatchSource,
    epoch: u64,
    step: usize,
    features: &mut [f32],
    targets: &mut [f32],
) {
    let count = source.batch_len(step);
    let each = count.div_ceil(PIECES).max(1);
    let (sample, target) = source.lens(step);
    let mut features = features[..count * sample].chunks_mut(each * sample);
    let mut targets = targets[..count * target].chunks_mut(each * target.max(1));
    let pieces: [_; PIECES] = std::array::from_fn(|_| {
        Mutex::new(
            features
                .next()
                .map(|features| (features, targets.next().unwrap_or_default())),
        )
    });
    workers.run(count.div_ceil(each), &|piece, scratch| {
        let taken = pieces[piece].lock().ok().and_then(|mut piece| piece.take());
        if let Some((features, targets)) = taken {
            let start = piece * each;
            source.fill(
                epoch,
                step,
                start..count.min(start + each),
                features,
                targets,
                scratch,
            );
        }
    });
}
