//! The SIMD level that kernels run at, and the one place that turns a level into machine code.

use std::{fmt, str::FromStr};

/// A set of vector instructions. Results are reproducible bit for bit within a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust, as the compiler vectorises it for the target's baseline.
    Scalar,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors (F, BW, DQ, VL).
    Avx512,
    /// 512-bit vectors, and AMX tiles for the products of large matrices, each float in three parts of 16 bits: as exact
    /// as `f32` (Linux).
    Amx,
}

impl Level {
    /// Every level, slowest first.
    pub const ALL: [Level; 5] = [
        Level::Scalar,
        Level::Neon,
        Level::Avx2,
        Level::Avx512,
        Level::Amx,
    ];

    /// The fastest level of this processor.
    pub fn best() -> Level {
        *Self::available().last().unwrap_or(&Level::Scalar)
    }

    /// The levels this processor can run, slowest first.
    pub fn available() -> Vec<Level> {
        Self::ALL
            .into_iter()
            .filter(|level| level.is_available())
            .collect()
    }

    /// Whether this processor can run the level. Cheap: detection is cached.
    #[inline]
    pub fn is_available(self) -> bool {
        match self {
            Level::Scalar => true,
            Level::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                Level::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Level::Amx => Level::Avx512.is_available() && crate::amx::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 | Level::Avx512 | Level::Amx => false,
        }
    }

    /// Floats in a vector of this level.
    pub const fn lanes(self) -> usize {
        match self {
            Level::Scalar | Level::Neon => 4,
            Level::Avx2 => 8,
            Level::Avx512 | Level::Amx => 16,
        }
    }

    /// Rows of a register tile of the matrix product: `Simd::TILE_ROWS`.
    pub(crate) const fn tile_rows(self) -> usize {
        match self {
            Level::Scalar | Level::Neon => 4,
            Level::Avx2 => 6,
            Level::Avx512 | Level::Amx => 12,
        }
    }

    /// Panics where the processor lacks the level; each entry made by `dispatch!` begins with it.
    #[inline]
    #[track_caller]
    pub(crate) fn require(self) {
        assert!(
            self.is_available(),
            "this processor has no {self}: choose one of Level::available()"
        );
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Level::Scalar => "scalar",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Amx => "amx",
        })
    }
}

/// A name that is no SIMD level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel(String);

impl fmt::Display for UnknownLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "unknown SIMD level {:?}: use scalar, neon, avx2, avx512 or amx",
            self.0
        )
    }
}

impl std::error::Error for UnknownLevel {}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.to_string() == name)
            .ok_or_else(|| UnknownLevel(name.to_owned()))
    }
}

/// Makes `fn name(level: Level, args…)`, which runs `generic::<V>(args…)` compiled for the level's
/// instructions. `generic` and all it calls with `V` must be `#[inline(always)]`.
///
/// ```ignore
/// dispatch! { pub(crate) fn scale(x: &mut [f32], by: f32) => scale_generic }
/// #[inline(always)]
/// fn scale_generic<V: Simd>(x: &mut [f32], by: f32) { … }
/// ```
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? => $generic:ident) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(level: $crate::level::Level, $($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,popcnt")]
            fn avx512($($arg: $type),*) $(-> $result)? {
                $generic::<$crate::simd::Avx512>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) $(-> $result)? {
                $generic::<$crate::simd::Avx2>($($arg),*)
            }
            level.require();
            match level {
                // SAFETY: `require` has checked that the processor has these instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::level::Level::Avx512 | $crate::level::Level::Amx => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::level::Level::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                $crate::level::Level::Neon => $generic::<$crate::simd::Neon>($($arg),*),
                _ => $generic::<$crate::simd::Scalar>($($arg),*),
            }
        }
    };
}
pub(crate) use dispatch;
