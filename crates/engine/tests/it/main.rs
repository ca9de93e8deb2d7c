//! Plans against the reference loops, on the networks that people build.

mod almost_fused;
mod hostile;
mod hostile_graphs;
mod networks;
mod operators;
mod recurrent;

/// Values in (-1, 1) that depend on the name and the place alone.
fn noise(name: &str, len: usize) -> Vec<f32> {
    let mut state = name.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    };
    (0..len).map(|_| next()).collect()
}
