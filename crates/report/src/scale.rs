/// One axis of a plot: what it shows and from where to where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) logarithmic: bool,
    /// Whether only whole numbers mean something, as for epochs.
    pub(crate) whole: bool,
}

impl Axis {
    pub(crate) fn new(label: &str, low: f64, high: f64) -> Self {
        let high = if high > low {
            high
        } else {
            low + low.abs().max(1.0)
        };
        Self {
            label: label.into(),
            low,
            high,
            logarithmic: false,
            whole: false,
        }
    }

    /// From 0 to 1.
    pub(crate) fn unit(label: &str) -> Self {
        Self::new(label, 0.0, 1.0)
    }

    /// Around all `values` with some room; from 0 if that is near enough. Values that are not finite count nothing.
    pub(crate) fn around(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::MAX, f64::MIN), |range, value| {
            (range.0.min(value), range.1.max(value))
        });
        if low > high {
            return Self::unit(label);
        }
        let room = if high > low {
            (high - low) * 0.06
        } else {
            (high.abs() * 0.1).max(1e-6)
        };
        let near_zero = low >= 0.0 && low < 0.4 * high;
        Self::new(label, if near_zero { 0.0 } else { low - room }, high + room)
    }

    /// Where a value lies between the ends, 0 to 1.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// About `count` round values with their texts.
    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        if self.logarithmic {
            return self.powers();
        }
        let step = round_step((self.high - self.low) / count as f64).max(if self.whole {
            1.0
        } else {
            0.0
        });
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        (first..=last)
            .map(|index| index as f64 * step)
            .map(|value| (value, tick_text(value, step, decimals)))
            .collect()
    }

    fn powers(&self) -> Vec<(f64, String)> {
        let (first, last) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let every = ((last - first) / 6).max(1) as usize;
        let inside = |value: &f64| (self.low * 0.999..=self.high * 1.001).contains(value);
        (first..=last)
            .step_by(every)
            .map(|power| 10f64.powi(power))
            .filter(inside)
            .map(|v| (v, format!("{v:e}")))
            .collect()
    }
}

/// The nearest of 1, 2 and 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= step * 0.999);
    factor.unwrap_or(10.0) * power
}

fn tick_text(value: f64, step: f64, decimals: usize) -> String {
    if value == 0.0 {
        "0".into()
    } else if value.abs() >= 1e6 || step < 1e-5 {
        format!("{value:.1e}").replace(".0e", "e")
    } else if value.abs() >= 1e3 {
        super::text::count(value)
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            texts(&Axis::unit(""), 5),
            ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            texts(&Axis::new("", 1.0, 10.0), 5),
            ["2", "4", "6", "8", "10"]
        );
        assert_eq!(
            texts(&Axis::new("", 0.0, 25_000.0), 5),
            ["0", "5,000", "10,000", "15,000", "20,000", "25,000"]
        );
        let rates = Axis {
            logarithmic: true,
            ..Axis::new("", 1e-5, 1e-2)
        };
        assert_eq!(texts(&rates, 5), ["1e-5", "1e-4", "1e-3", "1e-2"]);
    }

    #[test]
    fn axes_hold_their_values() {
        let axis = Axis::around("", [0.9, 0.95, f64::NAN].into_iter());
        assert!(axis.low > 0.8 && axis.high < 1.0);
        assert_eq!(Axis::around("", [0.1, 2.0].into_iter()).low, 0.0);
        assert_eq!(Axis::around("", [].into_iter()), Axis::unit(""));
        assert!(Axis::around("", [3.0].into_iter()).share(3.0) > 0.0);
    }
}
