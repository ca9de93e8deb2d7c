//! Recurrent layers against finite differences.

use jingwei_graph::ops::{GateActivation, Recurrent, RecurrentCell};

use crate::differences::{Leaf, check};

const LSTM: Recurrent = Recurrent {
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

/// Leaves of two samples of three steps.
fn leaves(cell: RecurrentCell, mask: Option<&[f32]>) -> Vec<Leaf> {
    let (units, columns) = (2, 2 * cell.gates());
    let mut leaves = vec![
        Leaf::random(1, &[2, 3, columns]),
        Leaf::random(2, &[units, columns]),
    ];
    if cell.has_bias() {
        leaves.push(Leaf::random(3, &[columns]));
    }
    leaves.extend(mask.map(|mask| Leaf::given(&[2, 3], mask.to_vec()).constant()));
    leaves
}

#[test]
fn every_cell_in_both_directions_with_and_without_masks() {
    for cell in CELLS {
        for mask in [None, Some(&[1.0, 1.0, 0.0, 0.0, 1.0, 1.0][..])] {
            for (reverse, sequence) in [(false, true), (true, true), (false, false), (true, false)]
            {
                let op = Recurrent {
                    cell,
                    reverse,
                    sequence,
                    ..LSTM
                };
                check(&leaves(cell, mask), |graph, p| graph.add(op.into(), p));
            }
        }
    }
}

#[test]
fn other_activations() {
    use GateActivation::{Linear, Relu, Sigmoid, Tanh};
    for (activation, recurrent_activation) in [(Linear, Sigmoid), (Sigmoid, Tanh), (Tanh, Linear)] {
        for cell in CELLS {
            let op = Recurrent {
                cell,
                activation,
                recurrent_activation,
                ..LSTM
            };
            check(&leaves(cell, None), |graph, p| graph.add(op.into(), p));
        }
    }
    let op = Recurrent {
        cell: RecurrentCell::Simple,
        activation: Relu,
        ..LSTM
    };
    // Far from the kink.
    let leaves = [
        Leaf::between(4, &[2, 3, 2], 0.5, 1.0),
        Leaf::between(5, &[2, 2], 0.1, 0.5),
    ];
    check(&leaves, |graph, p| graph.add(op.into(), p));
}

#[test]
fn recurrent_dropout() {
    for cell in CELLS {
        for mask in [None, Some(&[1.0, 1.0, 0.0, 0.0, 1.0, 1.0][..])] {
            for sequence in [true, false] {
                let op = Recurrent {
                    cell,
                    sequence,
                    dropped: true,
                    ..LSTM
                };
                let mut leaves = leaves(cell, mask);
                leaves.push(Leaf::given(&[2, 2], vec![2.0, 0.0, 0.0, 2.0]).constant());
                check(&leaves, |graph, p| graph.add(op.into(), p));
            }
        }
    }
}
