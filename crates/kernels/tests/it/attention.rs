use jingwei_kernels::Precision;
use jingwei_kernels::attention::{Attention, Forward, Positions, Targets};

use crate::support::{assert_close, at_every_level, numbers};

fn attention(sizes: [usize; 6], causal: bool) -> Attention {
    let [batch, time, source, heads, kv_heads, depth] = sizes;
    Attention {
        batch,
        time,
        source,
        heads,
        kv_heads,
        depth,
        causal,
        scale: 0.7,
        gradient_precision: Precision::Highest,
    }
}

/// The result and the gradients of q, k and v, in double precision.
fn exact(plan: Attention, [q, k, v, dy]: [&[f32]; 4], mask: Option<&[f32]>) -> [Vec<f64>; 4] {
    let Attention {
        batch,
        time,
        source,
        heads,
        kv_heads,
        depth,
        causal,
        scale,
        ..
    } = plan;
    let scale = f64::from(scale);
    let [mut y, mut dq] = [(); 2].map(|()| vec![0.0; q.len()]);
    let [mut dk, mut dv] = [(); 2].map(|()| vec![0.0; k.len()]);
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b);
        products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    for (sample, i, head) in
        (0..batch).flat_map(|b| (0..time).flat_map(move |i| (0..heads).map(move |h| (b, i, h))))
    {
        let at = ((sample * time + i) * heads + head) * depth;
        let key = |j: usize| ((sample * source + j) * kv_heads + head / (heads / kv_heads)) * depth;
        let seen = |j: usize| {
            (!causal || j <= i) && mask.is_none_or(|mask| mask[sample * source + j] != 0.0)
        };
        let js: Vec<usize> = (0..source).filter(|&j| seen(j)).collect();
        let scores: Vec<f64> = js
            .iter()
            .map(|&j| scale * dot(&q[at..][..depth], &k[key(j)..][..depth]))
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp() / total).collect();
        let flows: Vec<f64> = js
            .iter()
            .map(|&j| dot(&dy[at..][..depth], &v[key(j)..][..depth]))
            .collect();
        let mean: f64 = weights.iter().zip(&flows).map(|(p, dp)| p * dp).sum();
        for ((&j, p), dp) in js.iter().zip(&weights).zip(&flows) {
            let ds = p * (dp - mean) * scale;
            for c in 0..depth {
                y[at + c] += p * f64::from(v[key(j) + c]);
                dq[at + c] += ds * f64::from(k[key(j) + c]);
                dk[key(j) + c] += ds * f64::from(q[at + c]);
                dv[key(j) + c] += p * f64::from(dy[at + c]);
            }
        }
    }
    [y, dq, dk, dv]
}

fn whole(values: &[f32], stride: usize) -> Positions<'_> {
    Positions {
        values,
        offset: 0,
        stride,
    }
}

fn check(plan: Attention, mask: Option<&[f32]>) {
    let precisions = [(Precision::Highest, 2e-5), (Precision::High, 1e-4)];
    for (gradient_precision, tolerance) in precisions {
        let plan = Attention {
            gradient_precision,
            ..plan
        };
        check_passes(plan, mask, tolerance);
    }
}

fn check_passes(plan: Attention, mask: Option<&[f32]>, tolerance: f64) {
    let (queries, keys) = (plan.heads * plan.depth, plan.kv_heads * plan.depth);
    let q_len = plan.batch * plan.time * queries;
    let k_len = plan.batch * plan.source * keys;
    let [q, dy] = [1, 2].map(|seed| numbers(q_len, seed));
    let [k, v] = [3, 4].map(|seed| numbers(k_len, seed));
    let expected = exact(plan, [&q, &k, &v, &dy], mask).concat();
    let results = at_every_level(
        |level| (plan.scratch(level), plan.backward_shared()),
        |_, workers, shared| {
            let qkv = [whole(&q, queries), whole(&k, keys), whole(&v, keys)];
            let [mut y, mut dq] = [(); 2].map(|()| vec![f32::NAN; q_len]);
            let [mut dk, mut dv] = [(); 2].map(|()| vec![f32::NAN; k_len]);
            let mut sums = vec![f32::NAN; plan.log_sums()];
            plan.forward(workers, qkv, mask, &mut y, Some(&mut sums));
            let targets = Targets::Apart([&mut dq, &mut dk, &mut dv]);
            let forward = Forward {
                qkv,
                mask,
                y: &y,
                log_sums: &sums,
            };
            plan.backward(workers, forward, &dy, targets, shared);
            [y, dq, dk, dv].concat()
        },
    );
    for (level, found) in results {
        assert_close(
            &format!("{plan:?} at {level}"),
            &found,
            &expected,
            tolerance,
        );
    }
}

#[test]
fn attention_of_every_shape() {
    for sizes in [
        [1, 1, 1, 1, 1, 1],
        [2, 3, 5, 4, 2, 4],
        [2, 64, 64, 4, 4, 32],
        [1, 70, 70, 2, 1, 20],
        [2, 13, 301, 3, 3, 16],
        [1, 250, 33, 2, 2, 48],
        [1, 400, 700, 2, 2, 64],
        [1, 570, 570, 4, 2, 40],
        [3, 17, 40, 6, 2, 7],
        [2, 0, 3, 2, 2, 8],
        [2, 3, 0, 2, 2, 8],
        [0, 3, 3, 2, 2, 8],
    ] {
        for causal in [false, true] {
            check(attention(sizes, causal), None);
        }
    }
}

#[test]
fn masked_attention() {
    for sizes in [
        [3, 40, 300, 2, 1, 16],
        [3, 300, 300, 2, 2, 33],
        [3, 100, 520, 2, 1, 33],
    ] {
        let (batch, source) = (sizes[0], sizes[2]);
        // A scattered mask, one that begins late, and one with nothing at all.
        let mask: Vec<f32> = (0..batch * source)
            .map(|at| match (at / source, at % source) {
                (0, j) => f32::from(u8::from(j % 3 != 1 && j < 290)),
                (1, j) => f32::from(u8::from(j >= 20)),
                _ => 0.0,
            })
            .collect();
        for causal in [false, true] {
            check(attention(sizes, causal), Some(&mask));
        }
    }
}

#[test]
fn keys_and_values_within_the_rows_of_one_product() {
    let plan = attention([2, 50, 50, 4, 2, 12], true);
    let (queries, keys) = (48, 24);
    let (stride, offsets) = (100, [2, 50, 74]);
    let packed = numbers(2 * 50 * stride, 5);
    let part = |offset: usize, width: usize| -> Vec<f32> {
        packed
            .chunks_exact(stride)
            .flat_map(|row| row[offset..offset + width].to_vec())
            .collect()
    };
    let [q, k, v] = [part(2, queries), part(50, keys), part(74, keys)];
    let dy = numbers(q.len(), 6);
    let [y, dq, dk, dv] = exact(plan, [&q, &k, &v, &dy], None);
    let mut expected = y;
    for row in 0..100 {
        let parts = [
            &dq[row * 48..][..48],
            &dk[row * 24..][..24],
            &dv[row * 24..][..24],
        ];
        expected.extend_from_slice(&[&[0.0; 2], &parts.concat()[..], &[0.0; 2]].concat());
    }
    let results = at_every_level(
        |level| (plan.scratch(level), plan.backward_shared()),
        |_, workers, shared| {
            let qkv = offsets.map(|offset| Positions {
                values: &packed,
                offset,
                stride,
            });
            let (mut y, mut gradients) = (vec![f32::NAN; q.len()], vec![0.0; packed.len()]);
            let mut sums = vec![f32::NAN; plan.log_sums()];
            plan.forward(workers, qkv, None, &mut y, Some(&mut sums));
            let targets = Targets::Together {
                values: &mut gradients,
                offsets,
                stride,
            };
            let forward = Forward {
                qkv,
                mask: None,
                y: &y,
                log_sums: &sums,
            };
            plan.backward(workers, forward, &dy, targets, shared);
            [y, gradients].concat()
        },
    );
    for (level, found) in results {
        assert_close(&format!("{level}"), &found, &expected, 2e-5);
    }
}

#[test]
fn large_scores_neither_overflow_nor_lose_nan() {
    let plan = Attention {
        scale: 1e4,
        ..attention([1, 30, 30, 1, 1, 8], true)
    };
    let q: Vec<f32> = numbers(240, 7).iter().map(|x| x * 100.0).collect();
    let mut k = q.clone();
    k[29 * 8] = f32::NAN;
    let results = at_every_level(
        |level| (plan.scratch(level), 0),
        |_, workers, _| {
            let mut y = vec![0.0; 240];
            let qkv = [&q, &k, &q].map(|values| whole(values, 8));
            plan.forward(workers, qkv, None, &mut y, None);
            y
        },
    );
    for (level, y) in results {
        assert!(y[..29 * 8].iter().all(|y| y.is_finite()), "{level}");
        assert!(y[29 * 8..].iter().all(|y| y.is_nan()), "{level}");
    }
}
