use jingwei_kernels::attention::{Attention, Forward, Positions, Targets};
use jingwei_kernels::{Level, Precision};

use crate::support::{HOSTILE, alone, assert_refused, hostile_sizes, numbers, unless_refused};

fn attention([batch, time, source, heads, kv_heads, depth]: [usize; 6]) -> Attention {
    Attention {
        batch,
        time,
        source,
        heads,
        kv_heads,
        depth,
        causal: true,
        scale: 0.7,
        gradient_precision: Precision::Highest,
    }
}

#[test]
fn sizes() {
    let none = Positions {
        values: &[],
        offset: 0,
        stride: 0,
    };
    for sizes in hostile_sizes([2, 3, 4, 6, 2, 5]) {
        let plan = attention(sizes);
        for level in Level::available() {
            unless_refused(sizes, || plan.scratch(level));
        }
        unless_refused(sizes, || plan.log_sums());
        unless_refused(sizes, || plan.backward_shared());
        alone(Level::Scalar, 4096, |workers| {
            unless_refused(sizes, || {
                plan.forward(workers, [none; 3], None, &mut [], None)
            });
            let targets = Targets::Apart([&mut [], &mut [], &mut []]);
            unless_refused(sizes, || {
                let forward = Forward {
                    qkv: [none; 3],
                    mask: None,
                    y: &[],
                    log_sums: &[],
                };
                plan.backward(workers, forward, &[], targets, &mut [])
            });
        });
    }
}

/// Rows that begin or end elsewhere than in their slice.
#[test]
fn places() {
    let plan = attention([2, 3, 3, 2, 2, 4]);
    let values = numbers(2 * 3 * 8, 1);
    let whole = Positions {
        values: &values,
        offset: 0,
        stride: 8,
    };
    let level = Level::Scalar;
    let shared = plan.backward_shared();
    alone(level, plan.scratch(level), |workers| {
        for far in HOSTILE.into_iter().chain([1, usize::MAX - 40, 9]) {
            for place in 0..3 {
                for (offset, stride) in [(far, 8), (0, far), (far, far), (far.wrapping_neg(), far)]
                {
                    if (offset, stride) == (0, 8) {
                        continue;
                    }
                    let mut inputs = [whole; 3];
                    inputs[place] = Positions {
                        offset,
                        stride,
                        ..whole
                    };
                    let mut y = vec![0.0; values.len()];
                    assert_refused((offset, stride), || {
                        plan.forward(workers, inputs, None, &mut y, None)
                    });
                }
                let mut offsets = [0, 8, 16];
                offsets[place] = far;
                let sums = vec![0.0; plan.log_sums()];
                let (mut target, mut shared) = (vec![0.0; 2 * 3 * 24], vec![0.0; shared]);
                let together = Targets::Together {
                    values: &mut target,
                    offsets,
                    stride: 24,
                };
                let results = [&values[..]; 2];
                assert_refused(offsets, || {
                    let forward = Forward {
                        qkv: [whole; 3],
                        mask: None,
                        y: results[0],
                        log_sums: &sums,
                    };
                    plan.backward(workers, forward, results[1], together, &mut shared)
                });
            }
        }
    });
}
