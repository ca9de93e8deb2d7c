use crate::protobuf::Message;

/// Number of intervals of equal width between the least and the largest value.
const BUCKETS: usize = 50;

/// The distribution of some values, such as the weights of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    minimum: f64,
    maximum: f64,
    sum: f64,
    sum_of_squares: f64,
    counts: Vec<f64>,
}

impl Histogram {
    /// Counts `values` in 50 intervals of equal width. Values that are not finite are left out; `None` if no value
    /// is left.
    pub fn new(values: &[f32]) -> Option<Self> {
        let finite = || {
            values
                .iter()
                .filter(|value| value.is_finite())
                .map(|value| f64::from(*value))
        };
        let (minimum, maximum) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
        let scale = if maximum > minimum {
            BUCKETS as f64 / (maximum - minimum)
        } else {
            0.0
        };
        let mut counts = vec![0.0; BUCKETS];
        for value in finite() {
            counts[(((value - minimum) * scale) as usize).min(BUCKETS - 1)] += 1.0;
        }
        let sum_of_squares = finite().map(|value| value * value).sum();
        Some(Self {
            minimum,
            maximum,
            sum: finite().sum(),
            sum_of_squares,
            counts,
        })
    }

    /// How many values were counted.
    pub fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Encodes the message `HistogramProto`.
    pub(crate) fn encode(&self) -> Message {
        let width = (self.maximum - self.minimum) / BUCKETS as f64;
        let mut limits: Vec<f64> = (1..=BUCKETS)
            .map(|bucket| self.minimum + bucket as f64 * width)
            .collect();
        limits[BUCKETS - 1] = self.maximum;
        Message::default()
            .double(1, self.minimum)
            .double(2, self.maximum)
            .double(3, self.count())
            .double(4, self.sum)
            .double(5, self.sum_of_squares)
            .doubles(6, &limits)
            .doubles(7, &self.counts)
    }
}
