//! Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).

/// One block of Philox 4x32-10: four random words for a counter and a key.
#[must_use]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter.map(|word| [word]), key).map(|[word]| word)
}

/// The blocks of `N` counters at once, word by word, which compilers turn into vectors.
#[inline(always)]
pub fn rounds<const N: usize>(counters: [[u32; N]; 4], key: [u32; 2]) -> [[u32; N]; 4] {
    let mut words = counters;
    let mut key = key;
    for _ in 0..10 {
        let [a, b, c, d] = words;
        for i in 0..N {
            let first = u64::from(a[i]) * 0xd251_1f53;
            let second = u64::from(c[i]) * 0xcd9e_8d57;
            words[0][i] = (second >> 32) as u32 ^ b[i] ^ key[0];
            words[1][i] = second as u32;
            words[2][i] = (first >> 32) as u32 ^ d[i] ^ key[1];
            words[3][i] = first as u32;
        }
        key = [
            key[0].wrapping_add(0x9e37_79b9),
            key[1].wrapping_add(0xbb67_ae85),
        ];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::philox;

    /// Known answers from the authors' Random123 library, `kat_vectors`.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let answer = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
        assert_eq!(philox(counter, [0xa409_3822, 0x299f_31d0]), answer);
    }
}
