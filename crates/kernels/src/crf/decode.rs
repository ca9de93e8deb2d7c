//! The most probable sequence.

use super::chain::{Chain, Room};
use super::{Crf, Field};

/// Writes the best tags of one sequence (Viterbi 1967).
///
/// Its arithmetic is the plain one, so that equally good tags are told apart alike at every level.
pub(super) fn best_path(
    crf: &Crf,
    field: Field<'_>,
    sample: usize,
    path: &mut [f32],
    scratch: &mut [f32],
) {
    path.fill(0.0);
    let chain = Chain::new(crf, field, sample);
    let Room {
        before: origins,
        after: best,
        largest: next,
        ..
    } = Room::new(crf, scratch);
    let (tags, mut last) = (crf.tags, None);
    for step in chain.steps() {
        let origins = &mut origins[step * tags..][..tags];
        match last {
            None => next.copy_from_slice(chain.row(tags)),
            Some(_) => {
                next.fill(f32::NEG_INFINITY);
                origins.fill(0.0);
                for (from, before) in best.iter().enumerate() {
                    for ((next, origin), score) in
                        next.iter_mut().zip(&mut *origins).zip(chain.row(from))
                    {
                        let value = before + score;
                        if value > *next {
                            (*next, *origin) = (value, from as f32);
                        }
                    }
                }
            }
        }
        for ((best, next), emission) in best.iter_mut().zip(&*next).zip(chain.emission(step)) {
            *best = next + emission;
        }
        last = Some(step);
    }
    if last.is_none() {
        return;
    }
    let mut tag = 0;
    let mut most = f32::NEG_INFINITY;
    for (place, (best, end)) in best.iter().zip(chain.row(tags + 1)).enumerate() {
        if best + end > most {
            (tag, most) = (place, best + end);
        }
    }
    let mut following: Option<usize> = None;
    for step in chain.steps().rev() {
        if let Some(following) = following {
            tag = origins[following * tags + tag] as usize;
        }
        path[step] = tag as f32;
        following = Some(step);
    }
}
