//! Networks by name, whose outputs are logits.

mod cnn;
mod gpt;
mod mlp;
mod resnet;
mod text;

pub use cnn::{cnn_cifar, cnn_compact, cnn_mnist};
pub use gpt::{TransformerSizes, encoder, gpt};
pub use mlp::mlp;
pub use resnet::resnet;
pub use text::{lstm, textcnn};
