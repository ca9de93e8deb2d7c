//! Recurrent layers and conditional random fields: other levels against the plain one, which the tests of other crates
//! hold against loops.

use crate::support::{assert_close, at_every_level, numbers};
use jingwei_kernels::crf::{Crf, Field};
use jingwei_kernels::{GateActivation, Recurrent, RecurrentCell};

fn assert_levels_agree(what: &str, results: &[(jingwei_kernels::Level, Vec<f32>)]) {
    let plain: Vec<f64> = results[0].1.iter().map(|&x| x.into()).collect();
    for (level, result) in results {
        assert_close(&format!("{what} at {level}"), result, &plain, 1e-5);
    }
}

fn check_recurrent(plan: Recurrent, with_mask: bool) {
    let (states, columns) = (plan.states(), plan.cell.gates() * plan.units);
    let x = numbers(plan.gates(), 1);
    let kernel = numbers(plan.units * columns, 2);
    let bias = numbers(if plan.cell.has_bias() { columns } else { 0 }, 3);
    let (mut mask, mut factors) = (Vec::new(), Vec::new());
    if with_mask {
        mask = numbers(plan.batch * plan.time, 4);
        mask.iter_mut().for_each(|m| *m = f32::from(*m > 0.0));
        factors = numbers(plan.batch * plan.units, 5);
    }
    let dy = numbers(plan.output(), 6);
    let results = at_every_level(
        |level| {
            let plan = Recurrent { level, ..plan };
            (plan.scratch(), plan.shared())
        },
        |level, workers, shared| {
            let plan = Recurrent { level, ..plan };
            let (mut y, mut reserve) = (vec![0.0; plan.output()], vec![0.0; plan.reserve()]);
            let inputs = [&x[..], &kernel, &bias, &mask, &factors];
            plan.forward(workers, inputs, &mut y, &mut reserve, shared);
            let mut ds = vec![0.0; plan.state_gradients()];
            let mut dx = vec![0.0; plan.gates()];
            let inputs = [&reserve[..], &kernel, &mask, &factors, &dy];
            plan.backward(workers, inputs, &mut dx, &mut ds, shared);
            [&y[..], &reserve[..states], &dx, &ds].concat()
        },
    );
    assert_levels_agree(&format!("{plan:?}"), &results);
}

#[test]
fn recurrent_layers() {
    let (activation, recurrent) = (GateActivation::Tanh, GateActivation::Sigmoid);
    for cell in [
        RecurrentCell::Simple { activation },
        RecurrentCell::Lstm {
            activation,
            recurrent,
        },
        RecurrentCell::Gru {
            activation,
            recurrent,
        },
    ] {
        for [batch, time, units] in [[1, 3, 5], [3, 4, 8], [13, 2, 17], [40, 3, 33]] {
            for (reverse, sequence) in [(false, true), (true, false)] {
                let plan = Recurrent {
                    level: jingwei_kernels::Level::Scalar,
                    cell,
                    batch,
                    time,
                    units,
                    reverse,
                    sequence,
                };
                check_recurrent(plan, sequence);
            }
        }
    }
}

/// One sample of so many units that threads share its steps.
#[test]
fn shared_steps() {
    let plan = Recurrent {
        level: jingwei_kernels::Level::Scalar,
        cell: RecurrentCell::Simple {
            activation: GateActivation::Tanh,
        },
        batch: 1,
        time: 3,
        units: 235,
        reverse: false,
        sequence: true,
    };
    check_recurrent(plan, true);
}

#[test]
fn random_fields() {
    for [batch, time, tags] in [[1, 1, 1], [3, 5, 7], [2, 9, 16], [5, 4, 33]] {
        let crf = Crf { batch, time, tags };
        let emissions = numbers(batch * time * tags, 1);
        let scores = numbers((tags + 2) * tags, 2);
        let mut mask = numbers(batch * time, 3);
        mask.iter_mut().for_each(|m| *m = f32::from(*m > -0.5));
        let gold: Vec<f32> = (0..batch * time).map(|at| (at * 5 % tags) as f32).collect();
        let results = at_every_level(
            |_| (crf.scratch(), crf.shared()),
            |_, workers, shared| {
                let field = Field {
                    emissions: &emissions,
                    scores: &scores,
                    mask: &mask,
                };
                let mut losses = vec![0.0; batch];
                let [mut d_emissions, mut marginals] = [(); 2].map(|()| vec![0.0; emissions.len()]);
                let mut d_scores = vec![0.0; scores.len()];
                let mut best = vec![0.0; mask.len()];
                crf.loss(workers, field, &gold, &mut losses);
                let targets = [&mut d_emissions[..], &mut d_scores[..]];
                crf.backward(workers, field, [&gold, &losses], targets, shared);
                crf.marginals(workers, field, &mut marginals);
                crf.decode(workers, field, &mut best);
                [losses, d_emissions, d_scores, marginals, best].concat()
            },
        );
        assert_levels_agree(&format!("{crf:?}"), &results);
    }
}
