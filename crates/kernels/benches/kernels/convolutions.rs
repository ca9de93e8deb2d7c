//! Convolutions of the workloads.

use crate::harness::Bench;
use jingwei_kernels::{
    Activation, AlignedVec, Conv2dForward, Conv2dGradFilter, Conv2dGradInput, ConvShape, Epilogue,
};

/// A 3 × 3 convolution of square images.
pub fn valid(batch: usize, size: usize, channels: usize, filters: usize) -> ConvShape {
    ConvShape {
        batch,
        height: size,
        width: size,
        channels,
        filters,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
    }
}

/// The same with as many positions as pixels.
pub fn same(batch: usize, size: usize, channels: usize, filters: usize) -> ConvShape {
    ConvShape {
        padding: [1; 4],
        ..valid(batch, size, channels, filters)
    }
}

/// Numbers in -1..1, about half of them negative and none alike in a period of 8191.
pub fn filled(len: usize) -> AlignedVec {
    let numbers: Vec<f32> = (0..len)
        .map(|i| (i * 5003 % 8191) as f32 / 4096.0 - 1.0)
        .collect();
    AlignedVec::from(numbers.as_slice())
}

pub fn run(bench: &Bench) {
    for shape in [
        valid(64, 28, 1, 32),
        valid(64, 13, 32, 64),
        valid(1, 13, 32, 64),
        same(64, 16, 32, 64),
        same(64, 28, 32, 32),
        same(64, 14, 32, 64),
        same(64, 14, 64, 64),
        valid(64, 6, 64, 64),
        same(64, 7, 128, 128),
        same(64, 14, 128, 128),
        ConvShape {
            height: 1,
            width: 200,
            kernel: [1, 5],
            ..valid(32, 0, 128, 128)
        },
    ] {
        convolution(bench, shape);
    }
}

fn convolution(bench: &Bench, shape: ConvShape) {
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
    let flop = 2.0 * (shape.output_len() * shape.filter_len() / shape.filters) as f64;
    let (x, w, bias) = (
        filled(shape.input_len()),
        filled(shape.filter_len()),
        filled(shape.filters),
    );
    let mut y = AlignedVec::new(shape.output_len());
    let dy = filled(shape.output_len());
    let (mut dx, mut dw, mut db) = (x.clone(), w.clone(), bias.clone());
    let relu = Epilogue {
        bias: true,
        activation: Activation::Relu,
        accumulate: false,
    };
    let plan = Conv2dForward::new(level, shape, relu);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(&format!("conv {name}"), flop, plan.scratch(), |workers| {
        plan.run(workers, &x, &w, Some(&bias), &mut y, &mut shared);
    });
    let plan = Conv2dGradFilter::new(level, shape);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(
        &format!("conv dw {name}"),
        flop,
        plan.scratch(),
        |workers| {
            plan.run(workers, &x, &dy, &mut dw, Some(&mut db), &mut shared);
        },
    );
    let plan = Conv2dGradInput::new(level, shape);
    let mut shared = AlignedVec::new(plan.shared());
    bench.kernel(
        &format!("conv dx {name}"),
        flop,
        plan.scratch(),
        |workers| {
            plan.run(workers, &w, &dy, &mut dx, &mut shared);
        },
    );
}
