//! Convolution, ReLU and pooling in one. FLOP counts are those that the dense operators would need for
//! the positions that pooling reads, so that gradients may pass 100 % of the peak.

use jingwei_kernels::{
    AlignedVec, BiasedFilters, ConvReluPoolForward, ConvReluPoolGradFilter, ConvReluPoolGradInput,
    ConvShape, PooledResults,
};

use crate::{
    convolutions::{filled, same, valid},
    harness::Bench,
};

pub fn run(bench: &Bench) {
    for shape in [
        valid(64, 28, 1, 32),
        valid(64, 13, 32, 64),
        valid(64, 32, 3, 32),
        same(64, 16, 32, 64),
        valid(1, 28, 1, 32),
        valid(1, 13, 32, 64),
    ] {
        pooled(bench, shape);
    }
}

fn pooled(bench: &Bench, shape: ConvShape) {
    let name = format!(
        "{}×{}×{}×{} → {}{}",
        shape.batch,
        shape.height,
        shape.width,
        shape.channels,
        shape.filters,
        if shape.padding == [0; 4] { "" } else { " same" }
    );
    let level = bench.level;
    let len = shape.batch * (shape.out_height() / 2) * (shape.out_width() / 2) * shape.filters;
    let flop = 8.0 * (len * shape.filter_len() / shape.filters) as f64;
    let (x, w, bias) = (
        filled(shape.input_len()),
        filled(shape.filter_len()),
        filled(shape.filters),
    );
    let (mut y, mut index) = (AlignedVec::new(len), AlignedVec::new(len.div_ceil(4)));
    let dy = filled(len);
    let (mut dx, mut dw, mut db) = (x.clone(), w.clone(), bias.clone());
    let plan = ConvReluPoolForward::new(level, shape);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(&format!("pooled {name}"), flop, plan.scratch(), |workers| {
        plan.run(
            workers,
            &x,
            BiasedFilters { w: &w, bias: &bias },
            &mut y,
            Some(&mut index),
            &mut shared,
        );
    });
    let active = y.iter().filter(|&&y| y > 0.0).count() as f64 / len as f64;
    let plan = ConvReluPoolGradFilter::new(level, shape);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(
        &format!("pooled dw {name} ({:.0} %)", 100.0 * active),
        flop,
        plan.scratch(),
        |workers| {
            let results = PooledResults {
                y: &y,
                index: &index,
                dy: &dy,
            };
            plan.run(workers, &x, results, &mut dw, &mut db, &mut shared);
        },
    );
    let plan = ConvReluPoolGradInput::new(level, shape);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(
        &format!("pooled dx {name} ({:.0} %)", 100.0 * active),
        flop,
        plan.scratch(),
        |workers| {
            let results = PooledResults {
                y: &y,
                index: &index,
                dy: &dy,
            };
            plan.run(workers, &w, results, &mut dx, &mut shared);
        },
    );
}
