//! The Open Inference Protocol v2 over REST, with the binary tensor data, classification and model configuration
//! extensions.
//!
//! Source: <https://github.com/open-inference/open-inference-protocol> and the protocol extensions of
//! <https://github.com/triton-inference-server/server/tree/main/docs/protocol>.

mod infer;
mod metadata;
mod request;
mod response;

pub(crate) use infer::infer;
pub(crate) use metadata::{config, index, live, model, model_ready, server};
