//! The simplest recurrent layer.

use jingwei_graph::NodeId;
use jingwei_graph::ops::RecurrentCell;
use serde::{Deserialize, Serialize};

use super::recurrent::{Merge, Recurrent, recurrent_layer};
use super::{Activation, Build, Builder, Regularizer, settings};
use crate::{Initializer, Result};

recurrent_layer! {
    /// h ← a(x · W + h · U + b) along a sequence (Elman 1990). At padding the state stays as it is.
    ///
    /// # Shapes
    /// Input `[batch, time, features]`, result `[batch, units]`, or `[batch, time, units]` with `return_sequences`.
    /// Parameters `kernel` W `[features, units]`, `recurrent_kernel` U `[units, units]` and `bias` `[units]`; a
    /// bidirectional layer has the same again with `backward_` before their names.
    ///
    /// ```
    /// use jingwei_nn::{Sequential, SimpleRnn};
    /// let network = Sequential::new([20, 3]).layer(SimpleRnn::new(8).return_sequences()).simple_rnn(4).dense(1);
    /// assert_eq!(network.summary()?.parameters(), (3 + 8 + 1) * 8 + (8 + 4 + 1) * 4 + 5);
    /// # Ok::<(), jingwei_nn::Error>(())
    /// ```
    SimpleRnn;
}

impl Build for SimpleRnn {
    fn build(&self, builder: &mut Builder<'_>, inputs: &[NodeId]) -> Result<NodeId> {
        self.recurrent(RecurrentCell::Simple).build(builder, inputs)
    }
}
