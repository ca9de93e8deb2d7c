//! Tests of the data crate through its public interface.

mod augment;
mod batches;
mod cifar10;
mod csv;
mod idx;
mod image;
mod image_folder;
mod prepare;
mod source;
mod split;
mod texts;
