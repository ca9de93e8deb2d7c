//! Layers on sequences of tokens: embeddings, and pooling that leaves padding out.

use jingwei_graph::passes::bind;
use jingwei_graph::reference::{RunContext, evaluate};
use jingwei_graph::{Graph, Symbol};
use jingwei_nn::{
    Conv1d, Crf, Embedding, Mode, SequencePadding, Sequential, SpatialDropout1d, TIME, TokenFilter,
    TokenKind,
};

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
fn a_filter_keeps_the_tokens_of_one_kind() {
    // Ids 1 and 2 are characters, 3 is a word.
    let ids: [&[f32]; 2] = [&[3.0, 1.0, 3.0, 0.0], &[0.0, 2.0, 1.0, 0.0]];
    let pooled = |keep| {
        let network = Sequential::new([TIME])
            .layer(TokenFilter::new(keep, 3))
            .embedding(4, 2)
            .global_avg_pool1d();
        run(network, Mode::Training, ids, &TABLE)
    };
    assert_eq!(pooled(TokenKind::Words), [5.0, -6.0, 0.0, 0.0]);
    assert_eq!(pooled(TokenKind::Characters), [1.0, 2.0, -1.0, 3.0]);
    let open = entry("token_filter = { keep = \"words\" }").layer;
    let found = Sequential::new([TIME])
        .layer(open)
        .summary()
        .expect_err("no first word")
        .to_string();
    assert!(found.contains("words_and_characters"), "{found}");
}

#[test]
fn a_recipe_may_say_what_keras_says() {
    let keras = entry("embedding = { input_dim = 10, output_dim = 4, trainable = false }");
    assert_eq!(keras, Embedding::new(10, 4).trainable(false).into());
}

/// A convolution of two steps, by hand: y = x₀ · w₀ + x₁ · w₁ for one channel.
#[test]
fn a_causal_convolution_sees_no_later_step_and_no_padding() {
    let network = |padding: SequencePadding| {
        Sequential::new([TIME])
            .embedding(4, 1)
            .layer(Conv1d::new(1, 2).padding(padding).without_bias())
    };
    let run = |padding, ids: [f32; 4]| {
        let network = network(padding);
        let mut graph = Graph::new();
        let built = network
            .network()
            .build(&mut graph, Mode::Inference)
            .expect("it fits");
        let leaves = Leaves::from([
            ("input".to_owned(), ids.to_vec()),
            (
                "embedding_1/embeddings".to_owned(),
                vec![1000.0, 1.0, 2.0, 3.0],
            ),
            ("conv1d_1/kernel".to_owned(), vec![10.0, 1.0]),
        ]);
        let bound = bind(&graph, &[(Symbol::Batch, 1), (Symbol::Time, 4)]).expect("it binds");
        let found = evaluate(&bound, &built.outputs, &leaves, RunContext::default());
        (found.expect("it runs").remove(0), built.masks[0].is_some())
    };
    use SequencePadding::{Causal, Same};
    assert_eq!(
        run(Causal, [1.0, 2.0, 3.0, 1.0]),
        (vec![1.0, 12.0, 23.0, 31.0], true)
    );
    assert_eq!(
        run(Causal, [1.0, 0.0, 3.0, 0.0]),
        (vec![1.0, 10.0, 3.0, 30.0], true)
    );
    assert_eq!(
        run(Same, [1.0, 2.0, 3.0, 0.0]),
        (vec![12.0, 23.0, 30.0, 0.0], true)
    );
    let valid = network(SequencePadding::Valid).summary();
    let message = valid.expect_err("an open length").to_string();
    assert!(
        message.contains("`same` or `causal`") && message.contains("fixed length"),
        "{message}"
    );
}

/// Without padding the length changes: a place counts if one of the steps under its window does.
#[test]
fn pooling_after_a_convolution_leaves_places_without_tokens_out() {
    let network = Sequential::new([5])
        .embedding(3, 1)
        .layer(Conv1d::new(1, 2).bias_initializer(jingwei_nn::Initializer::Ones))
        .global_max_pool1d();
    let mut graph = Graph::new();
    let built = network
        .network()
        .build(&mut graph, Mode::Inference)
        .expect("it fits");
    let leaves = Leaves::from([
        (
            "input".to_owned(),
            vec![1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ),
        ("embedding_1/embeddings".to_owned(), vec![5.0, -2.0, -3.0]),
        ("conv1d_1/kernel".to_owned(), vec![1.0, 1.0]),
        ("conv1d_1/bias".to_owned(), vec![1.0]),
    ]);
    let bound = bind(&graph, &[(Symbol::Batch, 2)]).expect("it binds");
    let found = evaluate(&bound, &built.outputs, &leaves, RunContext::default()).expect("it runs");
    assert_eq!(found[0], [-2.0, 0.0], "−4 and −2, and a text of padding");
}

#[test]
fn a_conditional_random_field_passes_emissions_on_and_gives_losses_and_tags() {
    let network = Sequential::new([TIME]).embedding(4, 2).layer(Crf {});
    let mut graph = Graph::new();
    let built = network
        .network()
        .build(&mut graph, Mode::Training)
        .expect("it fits");
    let names: Vec<_> = built
        .parameters
        .iter()
        .map(|spec| spec.name.as_str())
        .collect();
    assert_eq!(
        names[1..],
        ["crf_1/transitions", "crf_1/start", "crf_1/end"]
    );
    let (emissions, field) = (built.outputs[0], built.fields[0].expect("a field"));
    let tags = graph.input(
        "tags",
        jingwei_nn::Field::tags_shape(graph.shape(emissions)),
    );
    let loss = field.loss(&mut graph, emissions, tags).expect("it fits");
    let best = field.decode(&mut graph, emissions).expect("it fits");
    let leaves = Leaves::from([
        ("input".to_owned(), vec![1.0, 2.0, 0.0]),
        ("tags".to_owned(), vec![0.0, 1.0, 0.0]),
        (
            "embedding_1/embeddings".to_owned(),
            vec![9.0, 9.0, 1.0, 0.0, 0.5, 0.0],
        ),
        ("crf_1/transitions".to_owned(), vec![0.0, 2.0, 0.0, 0.0]),
        ("crf_1/start".to_owned(), vec![0.0, 0.0]),
        ("crf_1/end".to_owned(), vec![0.0, 0.0]),
    ]);
    let mut leaves = leaves;
    leaves
        .get_mut("embedding_1/embeddings")
        .expect("there")
        .extend([0.0, 0.0]);
    let bound = bind(&graph, &[(Symbol::Batch, 1), (Symbol::Time, 3)]).expect("it binds");
    let found = evaluate(&bound, &[loss, best], &leaves, RunContext::default()).expect("it runs");
    // The scores of the four sequences: 1.5, 3, 0.5 and 0.
    let total = [1.5f32, 3.0, 0.5, 0.0]
        .map(f32::exp)
        .iter()
        .sum::<f32>()
        .ln();
    assert_close(&found[0], &[total - 3.0], 1e-6, "loss");
    assert_eq!(found[1], [0.0, 1.0, 0.0]);
}
