//! Attention, blocks of Transformers and positions, against PyTorch (`scripts/golden/transformers.py`).

use jingwei_graph::passes::bind;
use jingwei_graph::reference::{RunContext, evaluate};
use jingwei_graph::{Graph, Symbol, gradients};
use jingwei_nn::{
    Embedding, InputSpec, Loss, Mode, MultiHeadAttention, Network, PositionalEmbedding, Sequential,
    Sizes, SparseCategoricalCrossEntropy, TIME, TransformerEncoder, mean_loss, zoo,
};
use serde_json::Value;

use crate::support::{Leaves, assert_close, entry, first_values, numbers, sizes};

#[test]
fn layers_give_what_pytorch_gives() {
    let text = include_str!("../golden/transformers.json");
    let cases: Vec<Value> = serde_json::from_str(text).expect("JSON");
    assert!(cases.len() > 10);
    for case in &cases {
        let text = case["recipe"].as_str().expect("a recipe");
        let list = |key: &str| case[key].as_array().expect("a list").clone();
        let shapes = list("sizes");
        let inputs = shapes.iter().enumerate().map(|(index, own)| InputSpec {
            name: format!("input{index}"),
            sizes: Sizes::from(sizes(own)),
        });
        let names: Vec<String> = (0..list("xs").len())
            .map(|index| format!("'input{index}'"))
            .collect();
        let line = format!("inputs = [{}], {text}", names.join(", "));
        let network = Network::from_entries(inputs.collect(), vec![entry(&line)], Vec::new());
        let mut graph = Graph::new();
        let built = network
            .build(&mut graph, Mode::Inference)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let parameters = built
            .parameters
            .iter()
            .map(|parameter| parameter.name.clone());
        let names: Vec<String> = parameters.collect();
        assert_eq!(names.len(), list("weights").len(), "{text}: {names:?}");
        let mut leaves: Leaves = names
            .into_iter()
            .zip(list("weights").iter().map(numbers))
            .collect();
        for (index, x) in list("xs").iter().enumerate() {
            leaves.insert(format!("input{index}"), numbers(x));
        }
        let y = crate::support::run(&graph, 2, &built.outputs, &leaves);
        assert_close(&y[0], &numbers(&case["y"]), 2e-5, text);
    }
}

/// What a network makes of texts, for each token.
fn run(network: &Network, ids: &[&[f32]]) -> Vec<f32> {
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Inference)
        .expect("a network that fits");
    let mut leaves = first_values(&built, 3);
    leaves.insert("input".to_owned(), ids.concat());
    let sizes = [(Symbol::Batch, ids.len()), (Symbol::Time, ids[0].len())];
    let bound = bind(&graph, &sizes).expect("a graph that binds");
    evaluate(&bound, &built.outputs, &leaves, RunContext::default())
        .expect("runs")
        .remove(0)
}

#[test]
fn padding_changes_nothing() {
    let sizes = zoo::TransformerSizes {
        vocabulary: 9,
        length: 8,
        layers: 2,
        heads: 2,
        width: 6,
    };
    let network = zoo::encoder(sizes);
    let short = run(&network, &[&[3.0, 5.0, 2.0]]);
    let long = run(&network, &[&[3.0, 5.0, 2.0, 0.0, 0.0], &[1.0; 5]]);
    assert_close(&long[..18], &short, 1e-5, "padding after a text");
}

#[test]
fn distances_alone_matter_to_rotary_positions() {
    let attention = MultiHeadAttention::new(2, 4).rotary();
    let network: Network = Sequential::new([TIME])
        .embedding(9, 8)
        .layer(attention)
        .into();
    let late = run(&network, &[&[0.0, 0.0, 3.0, 5.0, 2.0]]);
    let early = run(&network, &[&[3.0, 5.0, 2.0]]);
    assert_close(&late[16..], &early, 1e-5, "padding before a text");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let message = |layer: &str| {
        let network = Network::new().with_input([4, 6]).followed_by(entry(layer));
        network
            .check()
            .expect_err("settings that do not fit")
            .to_string()
    };
    let found = message("transformer_encoder = { num_heads = 4, intermediate_dim = 8 }");
    assert!(
        found.contains("`num_heads` must be a divisor of the number of channels"),
        "{found}"
    );
    let found = message("multi_head_attention = { num_heads = 4, num_kv_heads = 3, key_dim = 8 }");
    assert!(
        found.contains("`num_kv_heads` must be a divisor of `num_heads`"),
        "{found}"
    );
    let found = message("multi_head_attention = { num_heads = 1, key_dim = 3, rotary = true }");
    assert!(found.contains("`key_dim` must be even"), "{found}");
    let found = message("positional_embedding = { max_length = 3 }");
    assert!(found.contains("at most 3 positions"), "{found}");
}

#[test]
fn a_language_model_learns_from_every_token_that_counts() {
    let block = TransformerEncoder::new(2, 8).dropout(0.1).normalize_first();
    let network: Network = Sequential::new([TIME])
        .layer(Embedding::new(5, 4))
        .layer(PositionalEmbedding::new(6))
        .layer(block)
        .dense(3)
        .into();
    let mut graph = Graph::new();
    let built = network
        .build(&mut graph, Mode::Training)
        .expect("a network that fits");
    let loss = Loss::from(SparseCategoricalCrossEntropy::from_logits());
    let shape = loss.target_shape(graph.shape(built.outputs[0]));
    assert_eq!(shape.to_string(), "[batch, time]");
    let targets = graph.input("targets", shape);
    let masked = |graph: &mut Graph, mask| {
        loss.build_masked(graph, built.outputs[0], targets, mask)
            .expect("a loss")
    };
    let all = masked(&mut graph, None);
    let counted = masked(&mut graph, built.masks[0]);
    let mean = mean_loss(&mut graph, counted, None).expect("a mean");
    gradients(&mut graph, mean, &built.parameter_nodes()).expect("gradients");
    let mut leaves = first_values(&built, 3);
    // The first text is full, the second has one token, the third none; labels of padding are no classes.
    let ids = [1.0, 2.0, 3.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0];
    leaves.insert("input".to_owned(), ids.to_vec());
    let labels = [0.0, 1.0, 2.0, -1.0, 2.0, -1.0, -1.0, -1.0, -1.0];
    leaves.insert("targets".to_owned(), labels.to_vec());
    let bound = bind(&graph, &[(Symbol::Batch, 3), (Symbol::Time, 3)]).expect("a graph that binds");
    let values = evaluate(&bound, &[all, counted], &leaves, RunContext::default()).expect("runs");
    assert_close(&values[1][..1], &values[0][..1], 1e-6, "a full text");
    assert!(values[0][1].is_nan() && values[1][1] > 0.0);
    assert_eq!(values[1][2], 0.0);
}
