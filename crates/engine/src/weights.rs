//! Weights that no longer change, and what products prepare of them once for all.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use jingwei_kernels::{AlignedVec, MatMul, MatMulShape};

/// Parameters and states that no longer change, which many workspaces share. Clones are the same weights.
///
/// On processors with matrix tiles, products read parameters in a form of their own. It is made once, when a plan of a
/// [frozen](crate::Function::frozen) function first wants it, and takes one and a half times the memory of those
/// parameters beside them.
#[derive(Clone)]
pub struct Weights {
    parameters: Arc<AlignedVec>,
    states: Arc<AlignedVec>,
    prepared: Arc<Mutex<HashMap<Key, Arc<AlignedVec>>>>,
}

/// Which matrix is prepared: the same key means the same floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    offset: usize,
    rows: usize,
    columns: usize,
    transposed: bool,
}

/// A matrix among the parameters and a product that reads it prepared.
pub(crate) struct Prepared {
    pub key: Key,
    pub product: MatMul,
}

impl Key {
    /// The right factor of a product.
    pub fn new(offset: usize, shape: MatMulShape) -> Self {
        Self {
            offset,
            rows: shape.k,
            columns: shape.n,
            transposed: shape.transpose_b,
        }
    }

    fn range(self) -> Range<usize> {
        self.offset..self.offset + self.rows * self.columns
    }
}

impl Weights {
    /// Takes parameters and states by the layouts of the functions that will read them.
    #[must_use]
    pub fn new(parameters: Arc<AlignedVec>, states: Arc<AlignedVec>) -> Self {
        Self {
            parameters,
            states,
            prepared: Arc::default(),
        }
    }

    /// The parameters, by their layout.
    #[must_use]
    pub fn parameters(&self) -> &Arc<AlignedVec> {
        &self.parameters
    }

    /// The states, by their layout.
    #[must_use]
    pub fn states(&self) -> &Arc<AlignedVec> {
        &self.states
    }

    /// The matrix in the form that its products read; made by the first who asks.
    pub(crate) fn prepared(&self, Prepared { key, product }: &Prepared) -> Arc<AlignedVec> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let mut made = AlignedVec::new(product.prepared());
            product.prepare(&self.parameters[key.range()], &mut made);
            Arc::new(made)
        };
        prepared.entry(*key).or_insert_with(make).clone()
    }
}
