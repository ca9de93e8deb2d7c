//! Gated recurrent units.

use jingwei_graph::NodeId;
use jingwei_graph::ops::RecurrentCell;
use serde::{Deserialize, Serialize};

use super::recurrent::{Merge, Recurrent, recurrent_layer};
use super::{Activation, Build, Builder, Regularizer, settings};
use crate::{Initializer, Result};

recurrent_layer! {
    /// Gated recurrent units (Cho et al. 2014): with z, r and h̃ the three parts of x · W + b, s those of h · U + b′ and
    /// h ← z · h + (1 − z) · h̃, the gates are z = g(z + s) and r = g(r + s), and the candidate is h̃ = a(h̃ + r · s) or, without
    /// `reset_after`, a(h̃ + (r · h) · U). At padding the state stays as it is.
    ///
    /// # Shapes
    /// Input `[batch, time, features]`, result `[batch, units]`, or `[batch, time, units]` with `return_sequences`.
    /// Parameters `kernel` W `[features, 3 · units]`, `recurrent_kernel` U `[units, 3 · units]` and `bias` `[2, 3 · units]`, b
    /// and b′ (`[3 · units]`, b alone, without `reset_after`); a bidirectional layer has the same again with `backward_`
    /// before their names.
    ///
    /// ```
    /// use jingwei_nn::{Gru, Sequential};
    /// let network = Sequential::new([20, 3]).layer(Gru::new(8).return_sequences()).gru(4).dense(1);
    /// assert_eq!(network.summary()?.parameters(), (3 + 8 + 2) * 24 + (8 + 4 + 2) * 12 + 5);
    /// # Ok::<(), jingwei_nn::Error>(())
    /// ```
    Gru;

    [recurrent_activation]

    /// Whether the reset gate comes after the product with U, as in PyTorch; true by default, and faster.
    reset_after: bool;
}

impl Build for Gru {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        let reset_after = self.reset_after;
        let settings = Recurrent {
            recurrent_activation: self.recurrent_activation,
            ..self.recurrent(RecurrentCell::Gru { reset_after })
        };
        settings.build(builder, inputs)
    }
}
