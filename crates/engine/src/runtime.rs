use std::sync::Arc;

use jingwei_kernels::{Level, Pool};

use crate::{Error, Result};

/// The processor as plans see it: a SIMD level and a pool of threads.
#[derive(Clone)]
pub struct Runtime {
    level: Level,
    pool: Arc<Pool>,
}

impl Runtime {
    /// A runtime of a level and a number of threads.
    ///
    /// # Errors
    /// [`Error::Runtime`] if this processor lacks the level, or no thread is asked for.
    pub fn new(level: Level, threads: usize) -> Result<Self> {
        if !level.is_available() {
            return Err(Error::Runtime(format!(
                "this processor has no {level}; it has {}",
                available()
            )));
        }
        if threads == 0 {
            return Err(Error::Runtime("at least one thread is needed".to_owned()));
        }
        Ok(Self {
            level,
            pool: Arc::new(Pool::new(threads)),
        })
    }

    /// The best level and all processors, unless the environment variables `JINGWEI_SIMD` (`scalar`, `neon`, `avx2`,
    /// `avx512`, `amx`) and `JINGWEI_THREADS` say otherwise.
    ///
    /// # Errors
    /// [`Error::Runtime`] if a variable holds something else or the processor lacks the level.
    pub fn from_environment() -> Result<Self> {
        let level = match std::env::var("JINGWEI_SIMD") {
            Ok(name) => name.parse().map_err(|_| {
                Error::Runtime(format!(
                    "JINGWEI_SIMD is `{name}`; it can be {}",
                    available()
                ))
            })?,
            Err(_) => Level::best(),
        };
        let threads = match std::env::var("JINGWEI_THREADS") {
            Ok(number) => number.parse().map_err(|_| {
                Error::Runtime(format!(
                    "JINGWEI_THREADS is `{number}`; it must be a number"
                ))
            })?,
            Err(_) => std::thread::available_parallelism().map_or(1, usize::from),
        };
        Self::new(level, threads)
    }

    /// The SIMD level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The pool of threads.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

fn available() -> String {
    Level::available()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {} threads", self.level, self.pool.threads())
    }
}
