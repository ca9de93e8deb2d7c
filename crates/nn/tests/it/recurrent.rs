//! Recurrent layers: masks, directions, dropout, first values.

use jingwei_graph::passes::bind;
use jingwei_graph::reference::{RunContext, evaluate};
use jingwei_graph::{Graph, Symbol};
use jingwei_nn::{Activation, Error, Gru, Layer, Lstm, Mode, Sequential, SimpleRnn, TIME};

use crate::support::{Leaves, assert_close, first_values};

/// The output of an embedding and a layer for each of the texts alone and padded in one batch.
fn run(layer: impl Into<Layer>, mode: Mode, ids: &[&[f32]]) -> Vec<Vec<f32>> {
    let network = Sequential::new([TIME]).embedding(9, 3).layer(layer.into());
    let mut graph = Graph::new();
    let built = network
        .network()
        .build(&mut graph, mode)
        .expect("a network that fits");
    let mut leaves: Leaves = first_values(&built, 5);
    let table: Vec<f32> = (0..27).map(|i| (i as f32 * 1.7).sin()).collect();
    leaves.insert("embedding_1/embeddings".to_owned(), table);
    leaves.insert("input".to_owned(), ids.concat());
    let sizes = [(Symbol::Batch, ids.len()), (Symbol::Time, ids[0].len())];
    let bound = bind(&graph, &sizes).expect("a graph that binds");
    let found = evaluate(
        &bound,
        &built.outputs,
        &leaves,
        RunContext { seed: 3, step: 1 },
    );
    let found = found.expect("a graph that runs").remove(0);
    found
        .chunks(found.len() / ids.len())
        .map(<[f32]>::to_vec)
        .collect()
}

fn layers() -> [Layer; 6] {
    [
        SimpleRnn::new(4).into(),
        Lstm::new(4).into(),
        Gru::new(4).into(),
        Gru::new(4).reset_after(false).into(),
        Lstm::new(4).go_backwards().into(),
        Lstm::new(4).bidirectional().into(),
    ]
}

#[test]
fn padding_before_between_and_after_changes_nothing() {
    for layer in layers() {
        let alone = run(layer.clone(), Mode::Inference, &[&[3.0, 7.0, 2.0]]).remove(0);
        let padded: [&[f32]; 3] = [
            &[3.0, 7.0, 2.0, 0.0, 0.0],
            &[0.0, 0.0, 3.0, 7.0, 2.0],
            &[3.0, 0.0, 7.0, 0.0, 2.0],
        ];
        for found in run(layer.clone(), Mode::Inference, &padded) {
            assert_close(&found, &alone, 1e-6, &format!("{layer:?}"));
        }
    }
}

#[test]
fn stacked_layers_pass_the_mask_on() {
    let run = |ids: &[&[f32]]| {
        let network = Sequential::new([TIME])
            .embedding(9, 3)
            .layer(Lstm::new(4).return_sequences().bidirectional())
            .gru(3);
        let mut graph = Graph::new();
        let built = network
            .network()
            .build(&mut graph, Mode::Inference)
            .expect("it fits");
        let mut leaves = first_values(&built, 5);
        leaves.insert("input".to_owned(), ids.concat());
        let sizes = [(Symbol::Batch, ids.len()), (Symbol::Time, ids[0].len())];
        let bound = bind(&graph, &sizes).expect("a graph that binds");
        let context = RunContext::default();
        evaluate(&bound, &built.outputs, &leaves, context)
            .expect("it runs")
            .remove(0)
    };
    let alone = run(&[&[4.0, 8.0]]);
    assert_close(&run(&[&[4.0, 8.0, 0.0]]), &alone, 1e-6, "padding after");
    assert_close(&run(&[&[0.0, 4.0, 8.0]]), &alone, 1e-6, "padding before");
}

#[test]
fn dropout_drops_in_training_alone() {
    let ids: &[&[f32]] = &[&[3.0, 7.0, 2.0], &[3.0, 7.0, 2.0]];
    for layer in [
        Lstm::new(8).dropout(0.5),
        Lstm::new(8).recurrent_dropout(0.5),
    ] {
        let plain = run(Lstm::new(8), Mode::Training, ids);
        let trained = run(layer.clone(), Mode::Training, ids);
        assert_ne!(trained[0], plain[0], "{layer:?}");
        assert_ne!(trained[0], trained[1], "each sample has its own mask");
        assert_eq!(run(layer, Mode::Inference, ids), plain);
    }
}

#[test]
fn the_forget_gate_begins_open() {
    let bias = |layer: Lstm| {
        let network = Sequential::new([4, 2]).layer(layer);
        let mut graph = Graph::new();
        let built = network
            .network()
            .build(&mut graph, Mode::Training)
            .expect("it fits");
        first_values(&built, 1)["lstm_1/bias"].clone()
    };
    assert_eq!(bias(Lstm::new(2)), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(bias(Lstm::new(2).unit_forget_bias(false)), [0.0; 8]);
}

#[test]
fn what_a_cell_cannot_do_is_said() {
    let error = Sequential::new([4, 2])
        .layer(Lstm::new(2).activation(Activation::Gelu))
        .summary()
        .expect_err("no such activation");
    assert!(
        matches!(
            error,
            Error::Setting {
                setting: "activation",
                ..
            }
        ),
        "{error}"
    );
    let error = Sequential::new([4])
        .lstm(2)
        .summary()
        .expect_err("no sequence");
    assert!(
        error
            .to_string()
            .contains("sequences [batch, length, channels]"),
        "{error}"
    );
}
