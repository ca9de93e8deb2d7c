//! Layers with settings at which arithmetic breaks: each is refused with its place, or built.

use jingwei_graph::limits::MOST_VALUES;
use jingwei_graph::{Dim, Symbol};
use jingwei_nn::{Dense, Embedding, Network, NgramBayes, Sequential, Sizes, TIME};
use serde_json::{Value, json};

/// Layers with every setting that is a number, and the sizes of what they take.
fn layers() -> Vec<(Value, Vec<Dim>)> {
    let image = || vec![Dim::Size(8), 8.into(), 4.into()];
    let sequence = || vec![Dim::Size(8), 4.into()];
    let ids = || vec![TIME];
    let conv2d = json!({ "filters": 4, "kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "groups": 1 });
    let conv1d = json!({ "filters": 4, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1 });
    let same = |layer: &Value| {
        let mut layer = layer.clone();
        layer["padding"] = "same".into();
        layer
    };
    let mut causal = conv1d.clone();
    causal["padding"] = "causal".into();
    vec![
        (json!({ "dense": { "units": 3 } }), vec![4.into()]),
        (json!({ "conv2d": conv2d }), image()),
        (json!({ "conv2d": same(&conv2d) }), image()),
        (json!({ "conv1d": conv1d }), sequence()),
        (json!({ "conv1d": same(&conv1d) }), sequence()),
        (json!({ "conv1d": causal }), sequence()),
        (
            json!({ "max_pool2d": { "size": [2, 2], "stride": [2, 2] } }),
            image(),
        ),
        (
            json!({ "avg_pool2d": { "size": [2, 2], "stride": [2, 2], "padding": "same" } }),
            image(),
        ),
        (
            json!({ "max_pool1d": { "size": 2, "stride": 2 } }),
            sequence(),
        ),
        (
            json!({ "avg_pool1d": { "size": 2, "stride": 2, "padding": "same" } }),
            sequence(),
        ),
        (
            json!({ "embedding": { "input_dim": 9, "units": 4 } }),
            ids(),
        ),
        (
            json!({ "embedding": { "input_dim": 9, "units": 4, "ngrams": 2, "buckets": 8 } }),
            ids(),
        ),
        (
            json!({ "ngram_bayes": { "units": 2, "ngrams": 2, "buckets": 64, "gain": 2.0 } }),
            ids(),
        ),
        (json!({ "simple_rnn": { "units": 3 } }), sequence()),
        (json!({ "lstm": { "units": 3 } }), sequence()),
        (json!({ "gru": { "units": 3 } }), sequence()),
        (
            json!({ "multi_head_attention": { "num_heads": 2, "key_dim": 2, "num_kv_heads": 1 } }),
            sequence(),
        ),
        (
            json!({ "transformer_encoder": { "num_heads": 2, "intermediate_dim": 8 } }),
            sequence(),
        ),
        (
            json!({ "transformer_decoder": { "num_heads": 2, "intermediate_dim": 8 } }),
            sequence(),
        ),
        (
            json!({ "positional_embedding": { "max_length": 9 } }),
            sequence(),
        ),
        (json!({ "reshape": { "sizes": [4, 8] } }), sequence()),
        (json!({ "dropout": { "rate": 0.5 } }), sequence()),
        (
            json!({ "batch_norm": { "momentum": 0.9, "epsilon": 0.001 } }),
            sequence(),
        ),
    ]
}

/// The places of all numbers in a JSON value.
fn numbers(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Number(_) => vec![value],
        Value::Array(values) => values.iter_mut().flat_map(numbers).collect(),
        Value::Object(map) => map.values_mut().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

fn network(layer: Value, sizes: &[Dim]) -> Option<Network> {
    let mut entry = layer;
    entry["name"] = "extreme".into();
    let network: Network = serde_json::from_value(json!({ "layers": [entry] })).ok()?;
    Some(network.with_input(Sizes(sizes.to_vec())))
}

#[test]
fn no_setting_makes_building_panic_or_hang() {
    let edges = [
        0,
        1,
        2,
        255,
        256,
        257,
        1 << 16,
        1 << 20,
        1 << 31,
        1_000_000_000_000,
        1 << 40,
        1 << 60,
        1 << 62,
    ];
    let edges = edges
        .into_iter()
        .chain([1 << 63, u64::MAX / 3, u64::MAX - 1, u64::MAX]);
    let edges: Vec<Value> = edges
        .map(Value::from)
        .chain([json!(-1), json!(1e300)])
        .collect();
    for (layer, sizes) in layers() {
        network(layer.clone(), &sizes)
            .expect("a recipe")
            .check()
            .expect("fits");
        let count = numbers(&mut layer.clone()).len();
        for (place, edge) in
            (0..count).flat_map(|place| edges.iter().map(move |edge| (place, edge)))
        {
            let mut layer = layer.clone();
            *numbers(&mut layer)[place] = edge.clone();
            let summary = network(layer, &sizes).map(|network| network.summary());
            if let Some(Ok(summary)) = summary {
                assert!(summary.bytes() <= 4 * MOST_VALUES, "{summary}");
            }
        }
        for axis in 0..sizes.len() {
            for size in [0, 1, 3, 1 << 40, 1 << 62, usize::MAX] {
                let mut sizes = sizes.clone();
                sizes[axis] = size.into();
                let _ = network(layer.clone(), &sizes).expect("a recipe").summary();
            }
        }
    }
}

#[test]
fn more_parameters_than_memory_could_hold_are_refused_with_their_layer() {
    let error = |network: Sequential| network.summary().expect_err("too many").to_string();
    assert_eq!(
        error(Sequential::new([256]).dense(1_000_000_000_000)),
        "layer 1 `dense_1`: expected fewer values than memory could ever hold, \
         found the sizes [256, 1000000000000]"
    );
    // Each has few enough, all together have not.
    let mut network = Sequential::new([1 << 17]);
    for _ in 0..4 {
        network = network.layer(Dense::new(1 << 17).without_bias());
    }
    assert_eq!(
        error(network),
        "layer 2 `dense_2`: expected fewer parameters than memory could ever hold, \
         found the sizes [131072, 131072] after 17179869184 values"
    );
}

#[test]
fn a_summary_counts_bytes() {
    let summary = Sequential::new([8, 8, 3])
        .conv2d(4, 3)
        .batch_norm()
        .summary()
        .expect("fits");
    assert_eq!(summary.bytes(), 4 * (3 * 3 * 3 * 4 + 4 + 2 * 4 + 2 * 4));
}

#[test]
fn ngrams_are_bounded() {
    let message = |network: Sequential| network.summary().expect_err("too many").to_string();
    let ids = || Sequential::new([Dim::Symbol(Symbol::Time)]);
    assert_eq!(
        message(ids().layer(NgramBayes::new(2).ngrams(1_000_000_000_000))),
        "layer 1 `ngram_bayes_1`: `ngrams` must be at least 1 and at most 256, found 1000000000000"
    );
    let found = message(ids().layer(Embedding::new(0, 2).ngrams(1 << 40, 7)));
    assert!(found.contains("n of 1 to 256"), "{found}");
}
