//! Recurrent layers of the workloads: the walk forward, the walk backward, and the products around them.

use crate::harness::Bench;
use jingwei_kernels::{
    AlignedVec, Epilogue, GateActivation, MatMul, MatMulShape, Recurrent, RecurrentCell,
};

pub fn run(bench: &Bench) {
    let (activation, recurrent) = (GateActivation::Tanh, GateActivation::Sigmoid);
    let lstm = RecurrentCell::Lstm {
        activation,
        recurrent,
    };
    let gru = RecurrentCell::Gru {
        activation,
        recurrent,
    };
    for (name, cell) in [
        ("lstm", lstm),
        ("gru", gru),
        ("simple_rnn", RecurrentCell::Simple { activation }),
    ] {
        for batch in [32, 1] {
            layer(bench, name, cell, [batch, 100, 128]);
        }
    }
}

fn layer(bench: &Bench, name: &str, cell: RecurrentCell, [batch, time, units]: [usize; 3]) {
    let plan = Recurrent {
        level: bench.level,
        cell,
        batch,
        time,
        units,
        reverse: false,
        sequence: false,
    };
    let filled = |len: usize| {
        let values: Vec<f32> = (0..len)
            .map(|i| ((i * 7919 % 1013) as f32 / 1013.0 - 0.5) * 0.2)
            .collect();
        AlignedVec::from(values.as_slice())
    };
    let gates = cell.gates();
    let bias = filled(if cell.has_bias() { gates * units } else { 0 });
    let (x, kernel) = (filled(plan.gates()), filled(units * gates * units));
    let (mut y, mut shared) = (
        AlignedVec::new(plan.output()),
        AlignedVec::new(plan.shared()),
    );
    let mut reserve = AlignedVec::new(plan.reserve());
    let inputs = [&x[..], &kernel, &bias, &[], &[]];
    let flop = 2.0 * (plan.gates() * units) as f64;
    let shape = format!("{batch}×{time}×{units}");
    bench.kernel(
        &format!("{name} {shape}, inference"),
        flop,
        plan.scratch(),
        |workers| plan.forward(workers, inputs, &mut y, &mut [], &mut shared),
    );
    bench.kernel(
        &format!("{name} {shape}, forward"),
        flop,
        plan.scratch(),
        |workers| plan.forward(workers, inputs, &mut y, &mut reserve, &mut shared),
    );
    let dy = filled(plan.output());
    let (mut dx, mut ds) = (
        AlignedVec::new(plan.gates()),
        AlignedVec::new(plan.state_gradients()),
    );
    bench.kernel(
        &format!("{name} {shape}, backward"),
        flop,
        plan.scratch(),
        |workers| {
            let inputs = [&reserve[..], &kernel, &[], &[], &dy];
            plan.backward(workers, inputs, &mut dx, &mut ds, &mut shared);
        },
    );
    let product = MatMul::new(
        bench.level,
        MatMulShape {
            m: units,
            n: gates * units,
            k: batch * time,
            transpose_a: true,
            transpose_b: false,
        },
        Epilogue::default(),
    );
    let mut shared = AlignedVec::new(product.shared());
    let mut kernel = kernel.clone();
    bench.kernel(
        &format!("{name} {shape}, kernel's gradient"),
        flop,
        product.scratch(),
        |workers| {
            let states = &reserve[..plan.states()];
            product.run(workers, states, &x, None, &mut kernel, &mut shared);
        },
    );
}
