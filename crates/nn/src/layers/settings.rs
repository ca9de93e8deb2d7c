//! Defaults that several layers share.

use crate::Initializer;

pub(super) fn yes() -> bool {
    true
}

pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
pub(super) fn is_nothing(value: &f32) -> bool {
    *value == 0.0
}

pub(super) fn one() -> usize {
    1
}

pub(super) fn is_one(value: &usize) -> bool {
    *value == 1
}

pub(super) fn pair_of_ones() -> crate::Pair {
    crate::Pair::from(1)
}

pub(super) fn is_pair_of_ones(value: &crate::Pair) -> bool {
    value.sizes() == [1, 1]
}

pub(super) fn two() -> usize {
    2
}

pub(super) fn pair_of_twos() -> crate::Pair {
    crate::Pair::from(2)
}

pub(super) fn glorot() -> Initializer {
    Initializer::GlorotUniform
}

pub(super) fn is_glorot(value: &Initializer) -> bool {
    *value == Initializer::GlorotUniform
}

pub(super) fn zeros() -> Initializer {
    Initializer::Zeros
}

pub(super) fn is_zeros(value: &Initializer) -> bool {
    *value == Initializer::Zeros
}

pub(super) fn is_sequence_valid(value: &super::SequencePadding) -> bool {
    *value == super::SequencePadding::Valid
}

pub(super) fn is_valid(value: &super::Padding) -> bool {
    *value == super::Padding::Valid
}

pub(super) fn orthogonal() -> Initializer {
    Initializer::Orthogonal(crate::initializer::Orthogonal::default())
}

pub(super) fn is_orthogonal(value: &Initializer) -> bool {
    *value == orthogonal()
}

pub(super) fn tanh() -> super::Activation {
    super::Activation::Tanh
}

pub(super) fn is_tanh(value: &super::Activation) -> bool {
    *value == tanh()
}

pub(super) fn sigmoid() -> super::Activation {
    super::Activation::Sigmoid
}

pub(super) fn is_sigmoid(value: &super::Activation) -> bool {
    *value == sigmoid()
}

pub(super) fn is_zero_rate(value: &f32) -> bool {
    *value == 0.0
}

/// The builder methods of layers with a kernel and a bias.
macro_rules! setters {
    () => {
        /// With a function at the end.
        #[must_use]
        pub fn activation(mut self, activation: Activation) -> Self {
            self.activation = activation;
            self
        }

        /// Without a bias.
        #[must_use]
        pub fn without_bias(mut self) -> Self {
            self.use_bias = false;
            self
        }

        /// With other first values of the kernel.
        #[must_use]
        pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
            self.kernel_initializer = initializer;
            self
        }

        /// With other first values of the bias.
        #[must_use]
        pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
            self.bias_initializer = initializer;
            self
        }

        /// With a penalty on the kernel.
        #[must_use]
        pub fn kernel_regularizer(mut self, regularizer: Regularizer) -> Self {
            self.kernel_regularizer = regularizer;
            self
        }
    };
}

pub(super) use setters;
