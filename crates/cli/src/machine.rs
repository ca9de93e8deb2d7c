use anyhow::{Result, bail};
use clap::Args;
use jingwei_engine::{Level, Runtime};

/// What part of the machine a command uses.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Machine {
    /// Threads to compute with; results do not depend on it [default: all processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Instructions to compute with: scalar, neon, avx2, avx512 or amx [default: the best there are]
    #[arg(long, value_name = "LEVEL")]
    pub simd: Option<Level>,
}

impl Machine {
    /// The runtime; what is not asked for follows the environment variables `JINGWEI_THREADS` and `JINGWEI_SIMD`, and
    /// then the machine.
    pub fn runtime(self) -> Result<Runtime> {
        let (Some(level), Some(threads)) = (self.simd, self.threads) else {
            let default = Runtime::from_environment()?;
            let level = self.simd.unwrap_or(default.level());
            let threads = self.threads.map_or(default.pool().threads(), usize::from);
            return self.checked(level, threads);
        };
        self.checked(level, usize::from(threads))
    }

    fn checked(self, level: Level, threads: usize) -> Result<Runtime> {
        if !level.is_available() {
            let known: Vec<String> = Level::available().iter().map(ToString::to_string).collect();
            bail!(
                "--simd {level}: this processor lacks it; use one of {}",
                known.join(", ")
            );
        }
        Ok(Runtime::new(level, threads)?)
    }
}
