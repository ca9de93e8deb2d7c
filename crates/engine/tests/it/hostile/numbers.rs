//! Numbers as an attacker picks them.

use arbitrary::{Arbitrary, Result, Unstructured};

/// A size: mostly a small one, now and then one at which arithmetic breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge(pub usize);

impl<'a> Arbitrary<'a> for Edge {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let shift = |u: &mut Unstructured<'a>| Ok(1usize << u.int_in_range(15..=63)?);
        Ok(Self(match u.int_in_range(0..=19u8)? {
            0..=9 => u.int_in_range(1..=3)?,
            10..=12 => u.int_in_range(0..=9)?,
            13 => usize::from(u8::arbitrary(u)?),
            14 => usize::from(u16::arbitrary(u)?),
            15 => shift(u)?,
            16 => shift(u)?.wrapping_sub(u.int_in_range(1..=8)?),
            17 => shift(u)?.wrapping_add(u.int_in_range(1..=8)?),
            18 => usize::MAX - u.int_in_range(0..=8usize)?,
            _ => usize::arbitrary(u)?,
        }))
    }
}

/// A size of a tensor that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Small(pub usize);

impl<'a> Arbitrary<'a> for Small {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.int_in_range(0..=15u8)? {
            0..=9 => u.int_in_range(1..=4)?,
            10..=13 => u.int_in_range(5..=9)?,
            14 => u.int_in_range(15..=34)?,
            _ => 0,
        }))
    }
}

/// A float attribute. Infinity stands for a number in a file that no `f32` holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Real(pub f32);

impl<'a> Arbitrary<'a> for Real {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(match u.int_in_range(0..=15u8)? {
            0..=3 => 0.5,
            4..=5 => 1e-3,
            6..=7 => 0.0,
            8 => 1.0,
            9 => 10_000.0,
            10 => -1.0,
            11 => f32::from_bits(1),
            12 => f32::MAX,
            13 => f32::INFINITY,
            14 => f32::NAN,
            _ => f32::arbitrary(u)?,
        }))
    }
}

/// What a leaf is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Fill {
    /// Whole numbers from 0 to 3: token ids, labels, masks.
    Ids,
    /// Quarters from -2 to 2, whose sums and products are exact.
    Quarters,
    /// Infinities, NaN, the largest and the smallest numbers.
    Hostile,
}

impl Fill {
    /// The value at a place.
    pub fn value(self, seed: u64, place: usize) -> f32 {
        let bits = mixed(seed ^ (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        match self {
            Self::Ids => (bits % 4) as f32,
            Self::Quarters => (bits % 17) as f32 / 4.0 - 2.0,
            Self::Hostile => HOSTILE[bits as usize % HOSTILE.len()],
        }
    }
}

const HOSTILE: [f32; 14] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -0.0,
    0.5,
    -1.0,
    1.0,
    16_777_216.0,
    4_294_967_296.0,
    1e30,
    -1e30,
];

/// SplitMix64.
pub fn mixed(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
