//! Recurrent layers and all their gradients against the reference loops.

use std::collections::HashMap;

use jingwei_engine::{Buffer, Function, Layout, Level, RunContext, Runtime, Workspace};
use jingwei_graph::ops::{GateActivation, Recurrent, RecurrentCell};
use jingwei_graph::{Graph, NodeId, Shape, gradients, reference};

use crate::noise;

/// The states and the gradients of every parameter at every level and on several threads: as the reference has them,
/// and with the same bits on any number of threads.
fn check(op: Recurrent, [batch, time, units]: [usize; 3], masked: bool) {
    let columns = units * op.cell.gates();
    let mut sizes = vec![vec![batch, time, columns], vec![units, columns]];
    if op.cell.has_bias() {
        sizes.push(vec![columns]);
    }
    let mut graph = Graph::new();
    let name = |index: usize| format!("p{index}");
    let parameters: Vec<NodeId> = (0..sizes.len())
        .map(|index| graph.parameter(name(index), &sizes[index]))
        .collect();
    let mut operands = parameters.clone();
    let mut leaves = HashMap::new();
    for (index, sizes) in sizes.iter().enumerate() {
        let mut values = noise(&name(index), sizes.iter().product());
        if index == 1 {
            // So small that a sequence does not blow up rounding errors.
            let scale = (4.0 / units as f32).sqrt().min(1.0);
            values.iter_mut().for_each(|value| *value *= scale);
        }
        leaves.insert(name(index), values);
    }
    if masked {
        operands.push(graph.input("mask", Shape::fixed(&[batch, time])));
        let mask = (0..batch * time).map(|i| f32::from(u8::from(i % 3 > 0 && i % 7 > 1)));
        leaves.insert("mask".to_owned(), mask.collect());
    }
    if op.dropped {
        operands.push(graph.input("factors", Shape::fixed(&[batch, units])));
        let factors = (0..batch * units).map(|i| 1.5 * f32::from(u8::from(i % 3 > 0)));
        leaves.insert("factors".to_owned(), factors.collect());
    }
    let y = graph.add(op.into(), &operands).unwrap();
    let squares = graph.square(y).unwrap();
    let loss = graph.sum_all(squares).unwrap();
    let mut wanted = vec![y];
    wanted.extend(gradients(&mut graph, loss, &parameters).unwrap());
    let context = RunContext::default();
    let expected = reference::evaluate(&graph, &wanted, &leaves, context).unwrap();
    let layout = Layout::new(
        sizes
            .iter()
            .enumerate()
            .map(|(i, sizes)| (name(i), sizes.clone())),
    );
    let function = Function::new(graph, wanted, layout, Layout::default());
    for level in Level::available() {
        let mut first: Option<Vec<Vec<f32>>> = None;
        for threads in [1, 2, 3] {
            let runtime = Runtime::new(level, threads).unwrap();
            let plan = function.plan(1, level).unwrap();
            let mut workspace = Workspace::for_training(&function, &runtime);
            for entry in function.parameters.entries() {
                workspace.buffer_mut(Buffer::Parameters)[entry.offset..entry.offset + entry.len]
                    .copy_from_slice(&leaves[&entry.name]);
            }
            for (index, name) in plan.input_names().iter().enumerate() {
                let values = &leaves[name];
                workspace.input_mut(&plan, index).copy_from_slice(values);
            }
            plan.run(&runtime, &mut workspace, context);
            let found: Vec<Vec<f32>> = (0..expected.len())
                .map(|index| workspace.output(&plan, index).to_vec())
                .collect();
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let scale = expected.iter().fold(1.0f32, |most, v| most.max(v.abs()));
                for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
                    assert!(
                        (found - expected).abs() <= 2e-5 * scale,
                        "{op:?} at {level}: value {place} of result {index} is {found}, not {expected}"
                    );
                }
            }
            assert_eq!(
                first.get_or_insert(found.clone()),
                &found,
                "{level}, {threads} threads"
            );
        }
    }
}

const OP: Recurrent = Recurrent {
    cell: RecurrentCell::Lstm,
    activation: GateActivation::Tanh,
    recurrent_activation: GateActivation::Sigmoid,
    reverse: false,
    sequence: true,
    dropped: false,
};

const CELLS: [RecurrentCell; 4] = [
    RecurrentCell::Simple,
    RecurrentCell::Lstm,
    RecurrentCell::Gru { reset_after: true },
    RecurrentCell::Gru { reset_after: false },
];

#[test]
fn every_cell_direction_and_mask() {
    for cell in CELLS {
        for (reverse, sequence) in [(false, true), (true, true), (false, false), (true, false)] {
            for (masked, dropped) in [(false, false), (true, false), (false, true), (true, true)] {
                let op = Recurrent {
                    cell,
                    reverse,
                    sequence,
                    dropped: dropped && cell != RecurrentCell::Gru { reset_after: false },
                    ..OP
                };
                check(op, [5, 4, 7], masked);
            }
        }
    }
}

#[test]
fn every_size_of_tile() {
    for cell in &CELLS[..3] {
        let op = Recurrent { cell: *cell, ..OP };
        for shape in [
            [1, 1, 1],
            [1, 5, 40],
            [1, 6, 120],
            [3, 2, 16],
            [37, 3, 33],
            [150, 2, 20],
        ] {
            check(op, shape, false);
        }
    }
}

#[test]
fn other_activations() {
    use GateActivation::{Linear, Relu, Sigmoid, Tanh};
    for (activation, recurrent_activation) in [(Relu, Sigmoid), (Sigmoid, Tanh), (Linear, Sigmoid)]
    {
        for cell in CELLS {
            let op = Recurrent {
                cell,
                activation,
                recurrent_activation,
                ..OP
            };
            check(op, [3, 3, 5], true);
        }
    }
}
