//! Conditional random fields against all sequences, one by one.

use std::collections::HashMap;

use jingwei_graph::ops::{CrfLoss, CrfMarginals, ViterbiDecode};
use jingwei_graph::{Graph, Op, RunContext, Shape, reference};

use crate::differences::{Leaf, Random, check};

const TAGS: usize = 3;
const TIME: usize = 5;

/// Masks with padding behind, before, between, everywhere, and nowhere.
const MASKS: [[f32; TIME]; 5] = [
    [1.0, 1.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 1.0, 0.0],
    [1.0, 0.0, 1.0, 0.0, 1.0],
    [0.0; TIME],
    [1.0; TIME],
];

struct Case {
    emissions: Vec<f32>,
    tags: Vec<f32>,
    scores: Vec<f32>,
}

fn case() -> Case {
    let mut random = Random(17);
    let mut numbers = |count: usize| (0..count).map(|_| random.uniform(-2.0, 2.0)).collect();
    let emissions = numbers(MASKS.len() * TIME * TAGS);
    let scores = numbers((TAGS + 2) * TAGS);
    let tags = (0..MASKS.len() * TIME)
        .map(|_| random.below(TAGS) as f32)
        .collect();
    Case {
        emissions,
        tags,
        scores,
    }
}

fn run(op: impl Into<Op>, inputs: &[(&[usize], &[f32])]) -> Vec<f32> {
    let mut graph = Graph::new();
    let ids: Vec<_> = (0..inputs.len())
        .map(|i| graph.input(format!("x{i}"), Shape::fixed(inputs[i].0)))
        .collect();
    let y = graph.add(op.into(), &ids).expect("the operands fit");
    let values: HashMap<String, Vec<f32>> = (0..inputs.len())
        .map(|i| (format!("x{i}"), inputs[i].1.to_vec()))
        .collect();
    let found = reference::evaluate(&graph, &[y], &values, RunContext::default());
    found.expect("bound").remove(0)
}

const CHAINS: [usize; 3] = [MASKS.len(), TIME, TAGS];
const STEPS: [usize; 2] = [MASKS.len(), TIME];
const SCORES: [usize; 2] = [TAGS + 2, TAGS];

/// Every sequence of tags for a number of steps, with its score.
fn sequences(case: &Case, sample: usize, steps: &[usize]) -> Vec<(Vec<usize>, f64)> {
    let score = |from: usize, to: usize| f64::from(case.scores[from * TAGS + to]);
    let emission =
        |step: usize, tag: usize| f64::from(case.emissions[(sample * TIME + step) * TAGS + tag]);
    let mut all = Vec::new();
    for number in 0..TAGS.pow(steps.len() as u32) {
        let path: Vec<usize> = (0..steps.len())
            .map(|place| number / TAGS.pow(place as u32) % TAGS)
            .collect();
        let mut sum = 0.0;
        if let Some((&first, &last)) = path.first().zip(path.last()) {
            sum = score(TAGS, first) + score(TAGS + 1, last);
            sum += path
                .windows(2)
                .map(|pair| score(pair[0], pair[1]))
                .sum::<f64>();
            sum += path
                .iter()
                .zip(steps)
                .map(|(&tag, &step)| emission(step, tag))
                .sum::<f64>();
        }
        all.push((path, sum));
    }
    all
}

#[test]
fn losses_probabilities_and_the_best_tags_are_those_of_all_sequences() {
    let case = case();
    let masks = MASKS.concat();
    let emissions = (&CHAINS[..], &case.emissions[..]);
    let [tags, mask] = [&case.tags, &masks].map(|values| (&STEPS[..], &values[..]));
    let scores = (&SCORES[..], &case.scores[..]);
    let losses = run(CrfLoss {}, &[emissions, tags, scores, mask]);
    let marginals = run(CrfMarginals {}, &[emissions, scores, mask]);
    let decoded = run(ViterbiDecode {}, &[emissions, scores, mask]);
    for (sample, mask) in MASKS.iter().enumerate() {
        let steps: Vec<usize> = (0..TIME).filter(|&step| mask[step] != 0.0).collect();
        let all = sequences(&case, sample, &steps);
        let total = all.iter().map(|(_, score)| score.exp()).sum::<f64>();
        let given: Vec<usize> = steps
            .iter()
            .map(|step| case.tags[sample * TIME + step] as usize)
            .collect();
        let own = all
            .iter()
            .find(|(path, _)| *path == given)
            .expect("one of all")
            .1;
        assert!((f64::from(losses[sample]) - (total.ln() - own)).abs() < 1e-5);
        let best = all
            .iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .expect("one at least");
        let mut expected = vec![0.0; TIME];
        steps
            .iter()
            .zip(&best.0)
            .for_each(|(&step, &tag)| expected[step] = tag as f32);
        assert_eq!(decoded[sample * TIME..][..TIME], expected);
        let mut expected = vec![0.0; TIME * TAGS];
        for (path, score) in &all {
            for (&step, tag) in steps.iter().zip(path) {
                expected[step * TAGS + tag] += score.exp() / total;
            }
        }
        let found = &marginals[sample * TIME * TAGS..][..TIME * TAGS];
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(f, e)| (f64::from(*f) - e).abs() < 1e-6)
        );
    }
    assert_eq!(losses[3], 0.0, "a sequence of padding");
}

#[test]
fn the_gradient_is_that_of_differences() {
    let case = case();
    let leaves = [
        Leaf::given(&CHAINS, case.emissions),
        Leaf::given(&STEPS, case.tags).constant(),
        Leaf::given(&SCORES, case.scores),
        Leaf::given(&STEPS, MASKS.concat()).constant(),
    ];
    check(&leaves, |graph, p| graph.add(CrfLoss {}.into(), p));
}

#[test]
fn scores_of_any_size_and_wrong_tags_are_no_surprise() {
    let emissions = [0.0, 1e4, -1e4, 3e4, 0.0, 1.0];
    let scores = [0.0, -1e6, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let loss = |tags: &[f32]| {
        run(
            CrfLoss {},
            &[
                (&[1, 3, 2], &emissions),
                (&[1, 3], tags),
                (&[4, 2], &scores),
                (&[1, 3], &[1.0; 3]),
            ],
        )[0]
    };
    assert!((loss(&[1.0, 1.0, 1.0]) - (1.0 + (4.0f32).exp()).ln()).abs() < 1e-5);
    assert!(loss(&[0.0, 1.0, 1.0]) > 1e5);
    assert!(loss(&[0.0, 2.0, 1.0]).is_nan() && loss(&[0.5, 1.0, 1.0]).is_nan());
}
