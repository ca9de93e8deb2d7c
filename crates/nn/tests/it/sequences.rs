//! Layers on sequences of tokens: embeddings, and pooling that leaves padding out.

use jingwei_graph::passes::bind;
use jingwei_graph::reference::{RunContext, evaluate};
use jingwei_graph::{Graph, Symbol};
use jingwei_nn::{Embedding, Mode, Sequential, SpatialDropout1d, TIME};

use crate::support::{Leaves, assert_close, entry, wavy};

/// The output of a network on one batch of ids, with the table of its first layer.
fn run(network: Sequential, mode: Mode, ids: [&[f32]; 2], table: &[f32]) -> Vec<f32> {
    let mut graph = Graph::new();
    let built = network
        .network()
        .build(&mut graph, mode)
        .expect("a network that fits");
    let leaves = Leaves::from([
        ("input".to_owned(), ids.concat()),
        ("embedding_1/embeddings".to_owned(), table.to_vec()),
    ]);
    let sizes = [(Symbol::Batch, 2), (Symbol::Time, ids[0].len())];
    let bound = bind(&graph, &sizes).expect("a graph that binds");
    let found = evaluate(&bound, &built.outputs, &leaves, RunContext::default());
    found.expect("a graph that runs").remove(0)
}

const TABLE: [f32; 8] = [9.0, -9.0, 1.0, 2.0, -3.0, 4.0, 5.0, -6.0];

#[test]
fn a_token_gets_its_row() {
    let network = Sequential::new([TIME]).embedding(4, 2);
    let found = run(network, Mode::Inference, [&[3.0, 0.0], &[1.0, 2.0]], &TABLE);
    assert_eq!(found, [5.0, -6.0, 9.0, -9.0, 1.0, 2.0, -3.0, 4.0]);
}

#[test]
fn pooling_leaves_padding_out_wherever_it_stands() {
    let ids: [&[f32]; 2] = [&[0.0, 1.0, 0.0, 2.0], &[0.0, 0.0, 0.0, 0.0]];
    let pooled = |network| run(network, Mode::Training, ids, &TABLE);
    let network = || Sequential::new([TIME]).embedding(4, 2);
    assert_eq!(pooled(network().global_max_pool1d()), [1.0, 4.0, 0.0, 0.0]);
    assert_eq!(pooled(network().global_avg_pool1d()), [-1.0, 3.0, 0.0, 0.0]);
    let all = || Sequential::new([TIME]).layer(Embedding::new(4, 2).mask_zero(false));
    assert_eq!(pooled(all().global_max_pool1d()), [9.0, 4.0, 9.0, -9.0]);
    assert_eq!(pooled(all().global_avg_pool1d()), [4.0, -3.0, 9.0, -9.0]);
}

#[test]
fn ngrams_share_the_rows_of_buckets() {
    let table = wavy(7 * 2);
    let network = Sequential::new([TIME]).layer(Embedding::new(0, 2).ngrams(2, 7));
    let ids: [&[f32]; 2] = [&[5.0, 7.0, 1.0, 0.0], &[5.0, 7.0, 0.0, 3.0]];
    let found = run(network, Mode::Inference, ids, &table);
    assert_eq!(found[..2], found[8..10], "the same two tokens");
    assert_ne!(found[..2], found[2..4], "other tokens");
    for place in [2, 3, 5, 6, 7] {
        assert_eq!(found[2 * place..2 * place + 2], table[..2], "place {place}");
    }
}

#[test]
fn whole_channels_are_dropped() {
    let table = [0.0, 0.0, 1.0, 1.0];
    let network = |rate| {
        Sequential::new([TIME])
            .embedding(2, 2)
            .layer(SpatialDropout1d::new(rate))
    };
    let ids = [&[1.0f32; 50][..]; 2];
    let found = run(network(0.5), Mode::Training, ids, &table);
    for step in found
        .chunks_exact(100)
        .flat_map(|sample| sample.chunks_exact(2).map(|step| (step, &sample[..2])))
    {
        assert_eq!(step.0, step.1);
        assert!(step.0.iter().all(|value| [0.0, 2.0].contains(value)));
    }
    assert_close(
        &run(network(0.5), Mode::Inference, ids, &table),
        &[1.0; 200],
        0.0,
        "inference",
    );
}

#[test]
fn an_embedding_says_what_is_missing() {
    let message = |embedding: Embedding| {
        let network = Sequential::new([TIME]).layer(embedding);
        network
            .summary()
            .expect_err("it lacks something")
            .to_string()
    };
    let found = message(Embedding::new(0, 8));
    assert!(
        found.contains("input_dim") && found.contains("no data have filled it in"),
        "{found}"
    );
    let found = message(Embedding::new(10, 8).ngrams(2, 0));
    assert!(found.contains("buckets"), "{found}");
    let found = Sequential::new([3, 2])
        .embedding(4, 2)
        .summary()
        .expect_err("two dimensions")
        .to_string();
    assert!(found.contains("token ids [batch, time]"), "{found}");
}

#[test]
fn a_recipe_may_say_what_keras_says() {
    let keras = entry("embedding = { input_dim = 10, output_dim = 4, trainable = false }");
    assert_eq!(keras, Embedding::new(10, 4).trainable(false).into());
}
