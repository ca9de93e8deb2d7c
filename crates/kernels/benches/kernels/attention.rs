//! Attention, forward and both passes together, beside what `scripts/peers/attention.py` measures of PyTorch.

use jingwei_kernels::attention::{Attention, Forward, Positions, Targets};
use jingwei_kernels::{AlignedVec, Precision};

use crate::harness::Bench;

pub fn run(bench: &Bench) {
    for (batch, length, heads, depth) in [(1, 8192, 6, 64), (16, 256, 6, 64), (12, 64, 4, 32)] {
        let plan = Attention {
            batch,
            time: length,
            source: length,
            heads,
            kv_heads: heads,
            depth,
            causal: true,
            scale: 1.0 / (depth as f32).sqrt(),
            gradient_precision: Precision::High,
        };
        passes(bench, plan);
    }
}

fn passes(bench: &Bench, plan: Attention) {
    let (length, width) = (plan.time, plan.heads * plan.depth);
    let name = format!(
        "attention {} × {length}, {} × {}",
        plan.batch, plan.heads, plan.depth
    );
    if !bench.selects(&name) {
        return;
    }
    let len = plan.batch * length * width;
    let filled = |seed: usize| {
        let values: Vec<f32> = (0..len)
            .map(|i| ((i * seed) % 1009) as f32 / 504.5 - 1.0)
            .collect();
        AlignedVec::from(values.as_slice())
    };
    let [q, k, v, dy] = [31, 37, 41, 43].map(filled);
    let [mut y, mut dq, mut dk, mut dv] = [(); 4].map(|()| AlignedVec::new(len));
    let mut sums = AlignedVec::new(plan.log_sums());
    let mut shared = AlignedVec::new(plan.backward_shared());
    let scratch = plan.scratch(bench.level);
    let qkv = [&q, &k, &v].map(|values| Positions {
        values,
        offset: 0,
        stride: width,
    });
    // A product of all queries and keys, halved by causality.
    let product = (plan.batch * width * length * (length + 1)) as f64;
    bench.kernel(
        &format!("{name} forward"),
        2.0 * product,
        scratch,
        |workers| {
            plan.forward(workers, qkv, None, &mut y, Some(&mut sums));
        },
    );
    bench.kernel(&format!("{name} both"), 7.0 * product, scratch, |workers| {
        plan.forward(workers, qkv, None, &mut y, Some(&mut sums));
        let targets = Targets::Apart([&mut dq, &mut dk, &mut dv]);
        let forward = Forward {
            qkv,
            mask: None,
            y: &y,
            log_sums: &sums,
        };
        plan.backward(workers, forward, &dy, targets, &mut shared);
    });
    let floats = plan.backward_shared() + plan.log_sums() + 2 * scratch;
    println!(
        "{:44} {:9.1} MB beside operands and results",
        "",
        floats as f64 * 4e-6
    );
}
