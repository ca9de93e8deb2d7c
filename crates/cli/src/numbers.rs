//! Numbers as people read them.

pub use jingwei_bundle::short;
pub use jingwei_train::memory::size as bytes;

/// A count with its thousands apart: `225,034`.
pub fn count(number: impl TryInto<u128>) -> String {
    let digits = number.try_into().unwrap_or(u128::MAX).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 class`, `3 classes`.
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A duration: `0.34 s`, `12.3 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 0.01 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 10.0 => format!("{seconds:.2} s"),
        _ if whole < 60 => format!("{seconds:.1} s"),
        _ if whole < 3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A share or score between 0 and 1: `0.9853`; `–` where it is undefined.
pub fn score(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(225_034_usize), "225,034");
        assert_eq!(count(7_u64), "7");
        assert_eq!(counted(1, "class", "classes"), "1 class");
        assert_eq!(seconds(0.0021), "2.1 ms");
        assert_eq!(seconds(59.96), "1 min 0 s");
        assert_eq!(seconds(7_500.0), "2 h 5 min");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_440), "1.4 kB");
        assert_eq!(score(None), "–");
        assert_eq!(short(-12.345), "-12.35");
        assert_eq!(short(1e-5), "1.000e-5");
    }
}
