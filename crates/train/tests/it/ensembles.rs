//! Networks with several outputs: each member learns by its own loss, the mean of all answers.

use jingwei_engine::{Buffer, Function, RunContext, Runtime, Workspace};
use jingwei_nn::{Crf, Dense, Embedding, Network, SparseCategoricalCrossEntropy, TIME};
use jingwei_train::Error;
use jingwei_train::fit::{Functions, Objective};

const X: [f32; 6] = [0.5, -1.0, 2.0, 0.25, 1.5, -0.75];
const LABELS: [f32; 2] = [2.0, 0.0];

/// Dense layers of so many units, side by side; those named are outputs.
fn network(units: &[usize], outputs: &[usize]) -> Network {
    let mut network = Network::new();
    let input = network.input([3]);
    let members: Vec<_> = units
        .iter()
        .map(|&units| network.layer(input, Dense::new(units)))
        .collect();
    outputs
        .iter()
        .for_each(|&index| network.output(members[index]));
    network
}

fn functions(network: &Network) -> Result<Functions, Error> {
    Functions::new(
        network,
        &Objective::new(SparseCategoricalCrossEntropy::default()),
    )
}

/// The outputs of a function on two samples, with the parameters' first values.
fn run(functions: &Functions, function: &Function, outputs: usize) -> Vec<Vec<f32>> {
    let runtime = Runtime::from_environment().unwrap();
    let mut workspace = Workspace::for_training(&functions.training, &runtime);
    let layout = &function.parameters;
    let parameters = workspace.buffer_mut(Buffer::Parameters);
    for (entry, spec) in layout.entries().iter().zip(&functions.parameters) {
        parameters[entry.range()].copy_from_slice(&spec.initial(1));
    }
    let plan = function.plan_for(2, 0, runtime.level()).unwrap();
    let targets = plan.input("targets").unwrap();
    let (x, labels) = workspace.two_inputs_mut(&plan, 1 - targets, targets);
    x.copy_from_slice(&X);
    labels.copy_from_slice(&LABELS);
    plan.run(&runtime, &mut workspace, RunContext::default());
    let output = |index| workspace.output(&plan, index).to_vec();
    (0..outputs).map(output).collect()
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let exp: Vec<f64> = logits.iter().map(|&x| f64::from(x).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|x| x / sum).collect()
}

/// Loss and logits of one member of the network by itself, as training sees them.
fn alone(member: usize) -> (f64, Vec<f32>) {
    let mut only = Network::new();
    let input = only.input([3]);
    let name = format!("dense_{}", member + 1);
    let logits = only.named_layer(name, input, Dense::new(3));
    only.output(logits);
    let functions = functions(&only).unwrap();
    let found = run(&functions, &functions.training, 2);
    (f64::from(found[0][0]), found[1].clone())
}

#[test]
fn the_loss_is_the_mean_of_the_members_losses_and_the_answer_that_of_their_logits() {
    let both = functions(&network(&[3, 3], &[0, 1])).unwrap();
    let members = [alone(0), alone(1)];
    let found = run(&both, &both.training, 2);
    let loss = members.iter().map(|member| member.0).sum::<f64>() / 2.0;
    assert!((f64::from(found[0][0]) - loss).abs() < 1e-6, "{found:?}");
    let logits: Vec<f32> = members[0]
        .1
        .iter()
        .zip(&members[1].1)
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    for (own, expected) in found[1].iter().zip(&logits) {
        assert!((own - expected).abs() < 1e-6, "{found:?}");
    }
    let evaluated = run(&both, &both.evaluation, 2);
    for (row, own) in logits.chunks(3).enumerate() {
        let expected = softmax(own);
        for (class, expected) in expected.iter().enumerate() {
            let found = f64::from(evaluated[0][row * 3 + class]);
            assert!((found - expected).abs() < 1e-6, "{evaluated:?}");
        }
        // What is told of an ensemble is the loss of its common answer.
        let loss = -expected[LABELS[row] as usize].ln();
        assert!((f64::from(evaluated[1][row]) - loss).abs() < 1e-5);
    }
}

#[test]
fn members_that_cannot_be_averaged_are_refused() {
    let error = functions(&network(&[3, 4], &[0, 1]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("model.outputs") && error.contains("[batch, 3] and [batch, 4]"),
        "{error}"
    );
    let mut tagger = Network::new();
    let ids = tagger.input([TIME]);
    let vectors = tagger.layer(ids, Embedding::new(9, 4));
    for _ in 0..2 {
        let scores = tagger.layer(vectors, Dense::new(3));
        let tags = tagger.layer(scores, Crf::default());
        tagger.output(tags);
    }
    let error = functions(&tagger).unwrap_err().to_string();
    assert!(error.contains("conditional random fields"), "{error}");
}
