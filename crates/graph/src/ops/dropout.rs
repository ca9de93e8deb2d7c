//! Dropout with counter-based random numbers.

use serde::{Deserialize, Serialize};

use super::{Operator, check};
use crate::{Graph, NodeId, Result, RunContext, Shape, Tensor};

/// Sets a share of the values to zero and divides the others by what is left (inverted dropout, Srivastava et al.
/// 2014).
///
/// Which values are kept is a pure function of seed, step, stream and place: Philox4x32-10 (Salmon et al. 2011) with
/// the key (seed low, seed high) and the counter (block, step, stream low, stream high) gives four words a block. Each
/// 64 places share 16 blocks so that these can be computed side by side: place p takes word (p mod 64) / 16 of block
/// 16 · (p / 64) + p mod 16, and is kept where that word is at least rate · 2³².
///
/// # Shapes
/// Any; the result has the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share that is dropped, at least 0 and below 1.
    pub rate: f32,
    /// Tells the layers of one model apart: the 64-bit FNV-1a hash of the layer's name.
    pub stream: u64,
}

impl Operator for Dropout {
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = check::inputs("dropout", inputs)?;
        check::within("dropout", "rate", self.rate, 0.0..1.0)?;
        Ok(x.clone())
    }

    fn evaluate(
        &self,
        inputs: &[Tensor<'_>],
        _: &[usize],
        output: &mut [f32],
        context: RunContext,
    ) {
        let factor = 1.0 / (1.0 - self.rate);
        let threshold = (f64::from(self.rate) * 4_294_967_296.0) as u64;
        for (place, (y, &x)) in output.iter_mut().zip(inputs[0].data).enumerate() {
            let kept = u64::from(word(context, self.stream, place as u64)) >= threshold;
            *y = if kept { x * factor } else { 0.0 };
        }
    }

    fn gradient(
        &self,
        graph: &mut Graph,
        _: NodeId,
        upstream: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.add((*self).into(), &[upstream])?)])
    }
}

/// The random word of one place, a pure function of its arguments.
fn word(context: RunContext, stream: u64, place: u64) -> u32 {
    let key = [context.seed as u32, (context.seed >> 32) as u32];
    let block = 16 * (place / 64) + place % 16;
    let counter = [
        block as u32,
        context.step as u32,
        stream as u32,
        (stream >> 32) as u32,
    ];
    philox4x32(key, counter)[(place % 64 / 16) as usize]
}

/// Ten rounds of Philox4x32.
fn philox4x32(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    for _ in 0..10 {
        let left = u64::from(counter[0]) * 0xD251_1F53;
        let right = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::philox4x32;

    /// The known answers of Random123 1.14 (`kat_vectors`).
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox4x32([0; 2], [0; 4]),
            [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
        );
        assert_eq!(
            philox4x32([u32::MAX; 2], [u32::MAX; 4]),
            [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
        );
        assert_eq!(
            philox4x32(
                [0xA409_3822, 0x299F_31D0],
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344]
            ),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }
}
