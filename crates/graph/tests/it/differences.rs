//! Checking gradients against finite differences.

use std::collections::HashMap;

use jingwei_graph::{Graph, NodeId, RunContext, Shape, gradients, reference};

/// A small generator (SplitMix64), so that every test names its data by a seed.
pub struct Random(pub u64);

impl Random {
    /// A number at least `low` and below `high`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.next() >> 40) as f32 / (1u32 << 24) as f32)
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A parameter of a checked function.
#[derive(Clone)]
pub struct Leaf {
    sizes: Vec<usize>,
    values: Vec<f32>,
    differentiated: bool,
}

impl Leaf {
    /// Values from −1 to 1.
    pub fn random(seed: u64, sizes: &[usize]) -> Self {
        Self::between(seed, sizes, -1.0, 1.0)
    }

    pub fn between(seed: u64, sizes: &[usize], low: f32, high: f32) -> Self {
        let mut random = Random(seed);
        let len: usize = sizes.iter().product();
        Self::given(sizes, (0..len).map(|_| random.uniform(low, high)).collect())
    }

    /// Values that are 0.1 apart from each other and from 0, in random order: no step crosses a kink.
    pub fn apart(seed: u64, sizes: &[usize]) -> Self {
        let mut random = Random(seed);
        let len: usize = sizes.iter().product();
        let mut values: Vec<f32> = (0..len)
            .map(|i| (i as f32 - (len / 2) as f32) * 0.1 + 0.05)
            .collect();
        for i in (1..len).rev() {
            values.swap(i, random.below(i + 1));
        }
        Self::given(sizes, values)
    }

    pub fn given(sizes: &[usize], values: Vec<f32>) -> Self {
        Self {
            sizes: sizes.to_vec(),
            values,
            differentiated: true,
        }
    }

    /// The same leaf as a constant.
    pub fn constant(self) -> Self {
        Self {
            differentiated: false,
            ..self
        }
    }
}

/// The seed and the step that everything is evaluated with.
pub const CONTEXT: RunContext = RunContext { seed: 7, step: 3 };

/// Compares the gradients of `build`'s result, weighted at random, with differences of fourth order.
pub fn check(
    leaves: &[Leaf],
    build: impl Fn(&mut Graph, &[NodeId]) -> jingwei_graph::Result<NodeId>,
) {
    let mut graph = Graph::new();
    let ids: Vec<NodeId> = leaves
        .iter()
        .enumerate()
        .map(|(i, leaf)| graph.parameter(format!("p{i}"), &leaf.sizes))
        .collect();
    let result = build(&mut graph, &ids).expect("the operands fit");
    let sizes = graph.shape(result).sizes().expect("known sizes");
    let weights = Leaf::random(99, &sizes).values;
    let weight = graph.input("weights", Shape::fixed(&sizes));
    let weighted = graph.multiply(result, weight).expect("one shape");
    let loss = graph.sum_all(weighted).expect("any shape");
    let wanted: Vec<NodeId> = ids
        .iter()
        .zip(leaves)
        .filter(|(_, leaf)| leaf.differentiated)
        .map(|(&id, _)| id)
        .collect();
    let gradient = gradients(&mut graph, loss, &wanted).expect("differentiable");
    graph.validate().expect("a built graph is valid");

    let mut values: HashMap<String, Vec<f32>> = leaves
        .iter()
        .enumerate()
        .map(|(i, leaf)| (format!("p{i}"), leaf.values.clone()))
        .collect();
    values.insert("weights".to_owned(), weights.clone());
    let analytic = reference::evaluate(&graph, &gradient, &values, CONTEXT).expect("bound");
    let mut loss_at = |leaf: usize, place: usize, value: f32| -> f64 {
        let name = format!("p{leaf}");
        let before = std::mem::replace(&mut values.get_mut(&name).expect("a leaf")[place], value);
        let output = reference::evaluate(&graph, &[result], &values, CONTEXT).expect("bound");
        values.get_mut(&name).expect("a leaf")[place] = before;
        output[0]
            .iter()
            .zip(&weights)
            .map(|(&y, &w)| f64::from(y) * f64::from(w))
            .sum()
    };
    let chosen = leaves
        .iter()
        .enumerate()
        .filter(|(_, leaf)| leaf.differentiated);
    for ((leaf_index, leaf), analytic) in chosen.zip(&analytic) {
        assert_eq!(analytic.len(), leaf.values.len());
        for (place, &value) in leaf.values.iter().enumerate() {
            let mut difference = |step: f32| {
                let (high, low) = (value + step, value - step);
                let change = loss_at(leaf_index, place, high) - loss_at(leaf_index, place, low);
                change / f64::from(high - low)
            };
            let expected = (4.0 * difference(0.02) - difference(0.04)) / 3.0;
            let found = f64::from(analytic[place]);
            assert!(
                (found - expected).abs() <= 4e-4 * (1.0 + expected.abs()),
                "gradient {place} of leaf {leaf_index}: {found}, differences give {expected}"
            );
        }
    }
}
