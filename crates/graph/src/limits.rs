//! What a graph may state, in numbers.
//!
//! A graph may come from outside. These bounds keep every product of its sizes far from wrapping: each is checked when
//! a node is added, when a graph is validated and when its symbols are bound, so whoever computes with sizes of a valid
//! graph may rely on them. No network comes near them.

/// The most dimensions of a tensor.
pub const MOST_DIMENSIONS: usize = 16;

/// The most values of a tensor, 2³⁴ or 64 GiB. An open or empty dimension counts as 1, so the product of any of a
/// tensor's sizes is at most this. It holds for a batch of padded images too.
pub const MOST_VALUES: usize = 1 << 34;

/// The most values of one image with its padding, 2³² − 1.
pub const MOST_IMAGE: usize = u32::MAX as usize;

/// The most places of a filter in an image, and the most values of one filter, 2²⁸.
pub const MOST_PLACES: usize = 1 << 28;

/// The most rows times columns of a filter, 2²⁴.
pub const MOST_FILTER: usize = 1 << 24;

/// The longest stride, dilation and padding, 2¹⁶. The sizes of windows and filters are bounded by the padded image.
pub const MOST_STEPS: usize = 1 << 16;

/// The largest factor of an attention's products, 2¹⁶, of either sign: kernels multiply in single precision.
pub const MOST_SCALE: f32 = 65_536.0;

/// The most tokens of an n-gram.
pub const MOST_NGRAM: usize = 1 << 8;

/// The most rows that n-grams are hashed to and the greatest id, 2²⁴: whole numbers up to it are exact in an `f32`.
pub const MOST_IDS: usize = 1 << 24;
