//! Whose turn it is to compute: a bounded queue, first in, first out, before the slots for computing.

use std::sync::Arc;
use std::time::Duration;

use jingwei_bounds::Budget;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Refusal;

/// The queue and the slots behind it.
pub(crate) struct Queue {
    /// Requests that may wait or compute.
    places: Arc<Semaphore>,
    /// Requests that may compute; these semaphores are fair.
    slots: Arc<Semaphore>,
    patience: Duration,
}

/// The right to compute. Whatever computes holds it to its end, even if its client has gone: the slot is free when
/// the processor is.
pub(crate) struct Turn {
    _slot: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Queue {
    /// A queue of `places`, of which `slots` compute, and in which nobody waits longer than `patience`.
    pub(crate) fn new(places: usize, slots: usize, patience: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            slots: Arc::new(Semaphore::new(slots)),
            patience,
        }
    }

    /// Waits for a turn. Whoever drops the future leaves the queue at once.
    pub(crate) async fn turn(&self) -> Result<Turn, Refusal> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| {
            Refusal::busy("the server is busy, too many requests wait: try again in a moment")
        })?;
        let slot = tokio::time::timeout(self.patience, self.slots.clone().acquire_owned());
        match slot.await {
            Ok(Ok(slot)) => Ok(Turn {
                _slot: slot,
                _place: place,
            }),
            Ok(Err(_)) => Err(Refusal::busy("the server is stopping")),
            Err(_) => Err(Refusal::busy(format!(
                "the server is busy, this request waited {:?} for its turn: try again in a moment",
                self.patience
            ))),
        }
    }
}

/// Stops work when it is dropped, as the future of a request is when its client goes or its time is over.
pub(crate) struct StopOnDrop(pub(crate) Arc<Budget>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
