//! A dense network.

use crate::{Network, Sequential};

/// Dense layers of 128 and 64 units with ReLU and one of `classes`, for rows of `inputs` numbers.
///
/// ```
/// assert_eq!(jingwei_nn::zoo::mlp(30, 2).summary()?.parameters(), 12_354);
/// # Ok::<(), jingwei_nn::Error>(())
/// ```
#[must_use]
pub fn mlp(inputs: usize, classes: usize) -> Network {
    Sequential::new([inputs])
        .dense(128)
        .relu()
        .dense(64)
        .relu()
        .dense(classes)
        .into()
}
