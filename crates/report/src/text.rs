//! Numbers as people read them.

/// Stands where a value is undefined.
pub(crate) const UNDEFINED: &str = "–";

/// A share as a percentage with two decimals.
pub fn percent(share: f64) -> String {
    format!("{:.2}\u{202f}%", share * 100.0)
}

/// A score between 0 and 1 with three decimals.
pub(crate) fn score(value: f64) -> String {
    format!("{value:.3}")
}

/// A value that may be undefined.
pub(crate) fn optional(value: Option<f64>, format: fn(f64) -> String) -> String {
    value.map_or_else(|| UNDEFINED.into(), format)
}

/// A count with separated thousands; weights keep one decimal.
pub fn count(value: f64) -> String {
    let digits = format!(
        "{:.0}",
        if value.fract() == 0.0 {
            value
        } else {
            value.trunc()
        }
    );
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0
            && digit.is_ascii_digit()
            && (digits.len() - index).is_multiple_of(3)
            && !text.ends_with('-')
        {
            text.push(',');
        }
        text.push(digit);
    }
    if value.fract() != 0.0 {
        text.push_str(&format!("{:.1}", value.fract().abs())[1..]);
    }
    text
}

/// A value with four significant digits.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().log10().floor() as i32;
    match magnitude {
        -4..=2 => format!("{value:.*}", (3 - magnitude) as usize),
        3..=8 => count(value.round()),
        _ => format!("{value:.3e}"),
    }
}

/// A value with up to four significant digits and no zeros at the end, such as a learning rate.
pub(crate) fn trimmed(value: f64) -> String {
    let text = format!("{value:.3e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded == 0.0 || (1e-4..1e6).contains(&rounded.abs()) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

/// A wall time.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.2}\u{202f}s"),
        10..60 => format!("{seconds:.1}\u{202f}s"),
        60..3600 => format!("{}\u{202f}min {}\u{202f}s", whole / 60, whole % 60),
        _ => format!("{}\u{202f}h {}\u{202f}min", whole / 3600, whole % 3600 / 60),
    }
}

/// A size in memory, in decimal units.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..1_000_000 => format!("{:.0}\u{202f}kB", size as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.0}\u{202f}MB", size as f64 / 1e6),
        _ => format!("{:.1}\u{202f}GB", size as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [significant(3502.4), significant(350.24)],
            ["3,502", "350.2"]
        );
        assert_eq!(
            [count(0.0), count(999.0), count(1234567.0)],
            ["0", "999", "1,234,567"]
        );
        assert_eq!(
            [count(1234.25), count(-1234.0), count(-123.0)],
            ["1,234.2", "-1,234", "-123"]
        );
        assert_eq!(
            [significant(0.0), significant(-0.012345), significant(3.0)],
            ["0", "-0.01235", "3.000"]
        );
        assert_eq!(
            [significant(123456.7), significant(1.5e12)],
            ["123,457", "1.500e12"]
        );
        assert_eq!(
            [
                trimmed(1e-3),
                trimmed(0.000_123_456),
                trimmed(1e-6),
                trimmed(0.0)
            ],
            ["0.001", "0.0001235", "1e-6", "0"]
        );
        assert_eq!(duration(3725.0), "1\u{202f}h 2\u{202f}min");
        assert_eq!(bytes(289_400_000), "289\u{202f}MB");
    }
}
