use crate::support::{alone, hostile_sizes, numbers, unless_refused};
use jingwei_kernels::crf::{Crf, Field};
use jingwei_kernels::{GateActivation, Level, Recurrent, RecurrentCell};

#[test]
fn recurrent_layers() {
    let (activation, recurrent) = (GateActivation::Tanh, GateActivation::Sigmoid);
    for [batch, time, units] in hostile_sizes([3, 4, 5]) {
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
            for sequence in [false, true] {
                let plan = Recurrent {
                    level: Level::best(),
                    cell,
                    batch,
                    time,
                    units,
                    reverse: true,
                    sequence,
                };
                recurrent_layer(plan);
            }
        }
    }
}

fn recurrent_layer(plan: Recurrent) {
    for size in [
        Recurrent::scratch,
        Recurrent::shared,
        Recurrent::reserve,
        Recurrent::states,
        Recurrent::gates,
        Recurrent::output,
        Recurrent::state_gradients,
    ] {
        unless_refused(plan, || size(&plan));
    }
    alone(plan.level, 4096, |workers| {
        unless_refused(plan, || {
            plan.forward(workers, [&[]; 5], &mut [], &mut [], &mut []);
        });
        unless_refused(plan, || {
            plan.backward(workers, [&[]; 5], &mut [], &mut [], &mut []);
        });
    });
}

#[test]
fn random_fields() {
    let none = Field {
        emissions: &[],
        scores: &[],
        mask: &[],
    };
    for [batch, time, tags] in hostile_sizes([2, 3, 4]) {
        let crf = Crf { batch, time, tags };
        unless_refused(crf, || crf.scratch());
        unless_refused(crf, || crf.shared());
        alone(Level::Scalar, 4096, |workers| {
            unless_refused(crf, || crf.loss(workers, none, &[], &mut []));
            unless_refused(crf, || crf.marginals(workers, none, &mut []));
            unless_refused(crf, || crf.decode(workers, none, &mut []));
            unless_refused(crf, || {
                crf.backward(workers, none, [&[]; 2], [&mut [], &mut []], &mut [])
            });
        });
    }
}

/// Tags come from data: what is none makes its sequence's results no numbers, and reads nothing outside.
#[test]
fn tags_that_are_none() {
    let crf = Crf {
        batch: 1,
        time: 3,
        tags: 4,
    };
    let (emissions, scores) = (numbers(12, 1), numbers(24, 2));
    for tag in [-1.0, 4.0, 0.5, 16_777_216.0, 1e30, f32::INFINITY, f32::NAN] {
        for level in Level::available() {
            alone(level, crf.scratch(), |workers| {
                let (mask, tags) = (vec![1.0, f32::NAN, 2.0], vec![1.0, tag, 3.0]);
                let field = Field {
                    emissions: &emissions,
                    scores: &scores,
                    mask: &mask,
                };
                let mut loss = vec![0.0];
                crf.loss(workers, field, &tags, &mut loss);
                assert!(loss[0].is_nan(), "{tag} at {level}");
                let (mut d_emissions, mut d_scores) = (vec![0.0; 12], vec![0.0; 24]);
                let mut shared = vec![0.0; crf.shared()];
                let targets = [&mut d_emissions[..], &mut d_scores[..]];
                crf.backward(workers, field, [&tags, &[1.0]], targets, &mut shared);
                assert!(d_emissions.iter().chain(&d_scores).all(|d| d.is_nan()));
            });
        }
    }
}
