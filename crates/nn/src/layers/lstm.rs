//! Long short-term memory.

use jingwei_graph::NodeId;
use jingwei_graph::ops::RecurrentCell;
use serde::{Deserialize, Serialize};

use super::recurrent::{Merge, Recurrent, recurrent_layer};
use super::{Activation, Build, Builder, Regularizer, settings};
use crate::{Initializer, Result};

recurrent_layer! {
    /// Long short-term memory (Hochreiter & Schmidhuber 1997): with i, f, c̃ and o the four parts of x · W + h · U + b,
    /// c ← g(f) · c + g(i) · a(c̃) and h ← g(o) · a(c). At padding the state stays as it is.
    ///
    /// # Shapes
    /// Input `[batch, time, features]`, result `[batch, units]`, or `[batch, time, units]` with `return_sequences`.
    /// Parameters `kernel` W `[features, 4 · units]`, `recurrent_kernel` U `[units, 4 · units]` and `bias` `[4 · units]`; a
    /// bidirectional layer has the same again with `backward_` before their names.
    ///
    /// ```
    /// use jingwei_nn::{Lstm, Sequential, TIME};
    /// let network = Sequential::new([TIME]).embedding(1000, 16).layer(Lstm::new(32).bidirectional()).dense(2);
    /// assert_eq!(network.summary()?.parameters(), 1000 * 16 + 2 * (16 + 32 + 1) * 4 * 32 + 65 * 2);
    /// # Ok::<(), jingwei_nn::Error>(())
    /// ```
    Lstm;

    [recurrent_activation]

    /// Whether the forget gates' part of b begins with ones (Jozefowicz et al. 2015), where b begins with zeros otherwise;
    /// true by default.
    unit_forget_bias: bool;
}

impl Build for Lstm {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let forget = self.unit_forget_bias && self.bias_initializer == Initializer::Zeros;
        let settings = Recurrent {
            recurrent_activation: self.recurrent_activation,
            bias_initializer: if forget {
                &Initializer::ForgetBias
            } else {
                &self.bias_initializer
            },
            ..self.recurrent(RecurrentCell::Lstm)
        };
        settings.build(builder, inputs)
    }
}
