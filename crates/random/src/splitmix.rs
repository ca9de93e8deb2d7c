/// The number at `index` of the stream `key`: the finaliser of SplitMix64 (Steele et al. 2014).
#[must_use]
pub fn mix(key: u64, index: u64) -> u64 {
    let mut mixed = key.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The same as a number from 0 to 1, 1 excluded.
#[must_use]
pub fn unit(key: u64, index: u64) -> f64 {
    (mix(key, index) >> 11) as f64 / (1_u64 << 53) as f64
}
