use std::str::FromStr;

use clap::Args;
use jingwei_tasks::run::Job;

/// How much memory a training may take.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Memory {
    /// The memory that the training may take, such as 16GB or 500MB [default: all that the machine has]
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<Size>,
}

impl Memory {
    /// Tells a job its limit.
    pub fn limit(self, job: &mut Job) {
        if let Some(Size(bytes)) = self.max_memory {
            job.memory_limit = bytes;
        }
    }
}

/// A number of bytes, with a decimal unit or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            _ => 0,
        };
        let bytes = digits.trim().parse::<u64>().ok();
        let bytes = bytes.and_then(|number| number.checked_mul(factor));
        let bytes = bytes.filter(|bytes| *bytes > 0);
        bytes
            .map(Self)
            .ok_or_else(|| "give a number of bytes, such as 500MB, 16GB or 1TB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_have_decimal_units() {
        let size = |text: &str| text.parse::<Size>().ok().map(|size| size.0);
        assert_eq!(size("500"), Some(500));
        assert_eq!(size("16GB"), Some(16_000_000_000));
        assert_eq!(size("2 tb"), Some(2_000_000_000_000));
        for wrong in ["", "0", "-1", "1.5GB", "GB", "1XB", "99999999999TB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
