//! A convolution along sequences and the maximum over time of what comes out, never writing the latter.
//!
//! Of each filter only the step that won has a gradient, so backward is a sum of few windows instead of two more
//! convolutions.

mod forward;
mod grad_filter;
mod grad_input;

pub use forward::{ConvMaxForward, ConvMaxOperands};
pub use grad_filter::ConvMaxGradFilter;
pub use grad_input::ConvMaxGradInput;

use crate::sizes::floats;
use std::ops::Range;

/// Places of a filter at most: numbers that floats can hold.
const MOST_PLACES: usize = 1 << 24;

/// The shape of a convolution of stride 1 along sequences of `[batch, time, channels]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SequenceShape {
    /// Sequences.
    pub batch: usize,
    /// Steps of a sequence.
    pub time: usize,
    /// Values at a step.
    pub channels: usize,
    /// Filters.
    pub filters: usize,
    /// Steps of a filter.
    pub kernel: usize,
    /// Zeros before and after a sequence.
    pub padding: [usize; 2],
    /// Whether negative sums become zero before the maximum is taken.
    pub relu: bool,
}

impl SequenceShape {
    /// Places of a filter.
    pub fn places(&self) -> usize {
        (self.padded() + 1).saturating_sub(self.kernel)
    }

    /// Steps of a sequence with its padding.
    fn padded(&self) -> usize {
        let [before, after] = self.padding;
        let padded = self
            .time
            .checked_add(before)
            .and_then(|time| time.checked_add(after));
        // So that one more is a number too.
        padded.unwrap_or(usize::MAX).min(usize::MAX - 1)
    }

    /// The same shape, if its sizes fit memory.
    fn checked(self) -> Self {
        assert!(
            [self.kernel, self.channels, self.filters]
                .iter()
                .all(|&size| size > 0),
            "{self:?}: kernel, channels and filters are at least 1"
        );
        assert!(
            self.places() <= MOST_PLACES,
            "{self:?}: more than 2^24 places of a filter"
        );
        floats([self.batch, self.padded(), self.channels]);
        floats([self.kernel, self.channels, self.filters]);
        floats([self.batch, self.places(), self.filters]);
        self
    }

    /// Values under a filter.
    fn depth(&self) -> usize {
        self.kernel * self.channels
    }

    /// Values of a sequence.
    fn sample(&self) -> usize {
        self.time * self.channels
    }

    /// The taps of a filter at a place that lie on steps of the sequence, and the first of those steps.
    fn under(&self, place: usize) -> (Range<usize>, usize) {
        let first = self.padding[0].saturating_sub(place);
        let end = (self.time + self.padding[0]).saturating_sub(place);
        let end = end.min(self.kernel);
        (first.min(end)..end, place + first - self.padding[0])
    }

    /// The gradient before the maximum: the place, and the value, if it is not 0.
    #[inline(always)]
    fn winner(&self, y: f32, at: f32, dy: f32) -> Option<(usize, f32)> {
        let passes =
            (0.0..MOST_PLACES as f32).contains(&at) && (!self.relu || y > 0.0) && dy != 0.0;
        passes.then_some((at as usize, dy))
    }
}
