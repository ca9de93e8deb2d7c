//! Tests of the graph through its public interface.

mod crf;
mod differences;
mod golden;
mod gradients;
mod hostile;
mod limits;
mod messages;
mod passes;
mod recurrent;
mod second_order;
mod semantics;
