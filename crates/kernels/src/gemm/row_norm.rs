//! Normalising rows on their way into a product.

use crate::{Level, layer_norm, rms_norm};

/// What is done to each row of a factor before it is multiplied, as [`crate::layer_norm`] and [`crate::rms_norm`] do it.
#[derive(Clone, Copy, Debug)]
pub enum RowNorm<'a> {
    /// Layer normalisation.
    Layer {
        /// `ε`.
        epsilon: f32,
        /// `γ` and `β`, one number for each column.
        affine: [&'a [f32]; 2],
    },
    /// Root mean square normalisation.
    RootMeanSquare {
        /// `ε`.
        epsilon: f32,
        /// `γ`, one number for each column.
        gamma: &'a [f32],
    },
}

impl RowNorm<'_> {
    /// Whether it has a number for each of so many columns.
    pub(super) fn fits(&self, columns: usize) -> bool {
        match self {
            Self::Layer { affine, .. } => affine.iter().all(|each| each.len() == columns),
            Self::RootMeanSquare { gamma, .. } => gamma.len() == columns,
        }
    }

    /// Normalises rows that lie one behind another.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "no tiles"))]
    pub(super) fn run(&self, level: Level, x: &[f32], y: &mut [f32]) {
        match *self {
            Self::Layer { epsilon, affine } => {
                layer_norm::forward_rows(level, epsilon, x, affine, y);
            }
            Self::RootMeanSquare { epsilon, gamma } => {
                rms_norm::forward_rows(level, epsilon, x, gamma, y);
            }
        }
    }
}
