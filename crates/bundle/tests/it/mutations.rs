//! Bundles changed at random places, by a seed. Loading one must end in a value or an error, and so must asking what
//! loads. `JINGWEI_MUTATIONS` sets how many are tried.

use jingwei_bundle::{Bundle, Existing, Limits, OutputKind, Parts, Predictor, write};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::ops::{ConvAttributes, ReduceKind, Window};
use jingwei_graph::{Graph, Op, Result, Shape};
use serde_json::{Value, json};

use crate::seal::{manifest, write_sealed};

/// A network that uses many operators.
fn zoo() -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batch_of(&[8, 6, 2]));
    let kernel = graph.parameter("kernel", &[3, 3, 1, 4]);
    let attributes = ConvAttributes {
        stride: [2, 1],
        padding: [1; 4],
        dilation: [1, 2],
        groups: 2,
    };
    let y = graph.conv2d(x, kernel, attributes)?;
    let gamma = graph.parameter("gamma", &[4]);
    let beta = graph.parameter("beta", &[4]);
    let statistics = graph.state("statistics", &[2, 4]);
    let y = graph.batch_norm(y, statistics, gamma, beta, 1e-3)?;
    let y = graph.gelu(y)?;
    let window = Window {
        size: [2, 2],
        stride: [1, 2],
        padding: [0, 1, 0, 1],
    };
    let a = graph.max_pool2d(y, window)?;
    let b = graph.avg_pool2d(y, window, false)?;
    let y = graph.concat(&[a, b], 3)?;
    let y = graph.pad(y, &[0, 1, 0, 0], &[0, 0, 1, 0], 0.5)?;
    let y = graph.transpose(y, &[0, 2, 1, 3])?;
    let y = graph.slice(y, 1, 1, 2)?;
    let y = graph.reduce(ReduceKind::Mean, y, &[2], false)?;
    let y = graph.flatten(y)?;
    let width = graph.shape(y).size(1).unwrap_or(0);
    let weights = graph.parameter("weights", &[width, 4]);
    let y = graph.matmul(y, weights)?;
    let y = graph.layer_norm(y, gamma, beta, 1e-5)?;
    let half = graph.constant(0.5);
    let y = graph.multiply(y, half)?;
    let y = graph.sigmoid(y)?;
    graph.softmax(y)?;
    Ok(graph)
}

/// Picks by a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    fn value(&mut self) -> Value {
        let values = [
            json!(0),
            json!(1),
            json!(2),
            json!(3),
            json!(5),
            json!(-1),
            json!(0.5),
            json!(1e30),
            json!(1u64 << 20),
            json!(1u64 << 31),
            json!(1u64 << 62),
            json!(u64::MAX),
            json!(null),
            json!(""),
            json!("batch"),
            json!([]),
            json!({}),
            json!([1, 1]),
            json!([0, 0, 0, 0]),
            json!(true),
        ];
        values[self.below(values.len())].clone()
    }
}

/// Every place in a tree, as a path.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(at, value)| places(value, &format!("{path}/{at}"), found));
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            places(
                value,
                &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
                found,
            );
        }),
        _ => {}
    }
}

fn count() -> usize {
    std::env::var("JINGWEI_MUTATIONS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(150)
}

fn bundle_of(graph: Graph, folder: &std::path::Path) -> bool {
    let last = graph.ids().rev().find(|&id| {
        let shape = graph.shape(id);
        shape.0.first() == Shape::batch_of(&[]).0.first()
            && Shape(shape.0[1..].to_vec())
                .len()
                .is_some_and(|len| len > 0)
    });
    let leaf = |op: &Op| {
        (
            op.is_leaf(),
            matches!(op, Op::Parameter(_)),
            matches!(op, Op::State(_)),
        )
    };
    let table = |parameters: bool| {
        let nodes = graph.nodes().iter().filter(|node| {
            let (_, parameter, state) = leaf(&node.op);
            if parameters { parameter } else { state }
        });
        Layout::new(nodes.map(|node| {
            (
                node.op.leaf_name().unwrap().to_owned(),
                node.shape.sizes().unwrap(),
            )
        }))
    };
    let (parameters, states) = (table(true), table(false));
    let Some(last) = last else { return false };
    let values = |layout: &Layout| vec![0.25; layout.len()];
    let (own, other) = (values(&parameters), values(&states));
    let function = Function::new(graph, vec![last], parameters, states);
    let parts = Parts {
        task: "test",
        function: &function,
        outputs: &[("y", OutputKind::Values)],
        parameters: &own,
        states: &other,
        preparation: None,
        reading: None,
        samples: &[],
        time: 0,
        metrics: Value::Null,
        report: None,
        recipe: None,
    };
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    write(folder, &parts, &runtime, Existing::Replace).is_ok()
}

fn load_and_ask(folder: &std::path::Path) -> bool {
    let limits = Limits {
        tensor_bytes: 1 << 22,
        memory_bytes: 1 << 24,
        ..Limits::default()
    };
    let Ok(bundle) = Bundle::load_within(folder, &limits) else {
        return false;
    };
    let inputs: Vec<Vec<f32>> = bundle
        .inputs()
        .iter()
        .map(|input| vec![0.5; 3 * input.len()])
        .collect();
    let slices: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let runtime = Runtime::new(Level::best(), 2).unwrap();
    Predictor::new(bundle, runtime)
        .unwrap()
        .run(&slices, 3)
        .is_ok()
}

#[test]
fn manifests_changed_at_random_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    assert!(bundle_of(zoo().unwrap(), &path));
    assert!(load_and_ask(&path));
    let sound = manifest(&path);
    let mut dice = Dice(1);
    for _ in 0..count() {
        let mut manifest = sound.clone();
        for _ in 0..=dice.below(2) {
            let mut found = Vec::new();
            places(&manifest, "", &mut found);
            let place = &found[dice.below(found.len())];
            let value = match dice.below(3) {
                0 => manifest
                    .pointer(&found[dice.below(found.len())])
                    .cloned()
                    .unwrap(),
                _ => dice.value(),
            };
            *manifest.pointer_mut(place).unwrap() = value;
        }
        write_sealed(&path, &manifest.to_string());
        load_and_ask(&path);
    }
}

/// Graphs whose attributes and wiring were changed, with the shapes that follow: the checks of shapes do not stop them.
#[test]
fn graphs_changed_at_random_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let sound = zoo().unwrap();
    let mut dice = Dice(2);
    let mut asked = 0;
    for _ in 0..count() {
        let mut graph = Graph::new();
        for node in sound.nodes() {
            let mut op = serde_json::to_value(&node.op).unwrap();
            let mut inputs = node.inputs.clone();
            if !node.op.is_leaf() && dice.below(8) == 0 {
                let mut found = Vec::new();
                places(&op, "", &mut found);
                let small = json!(dice.below(5));
                *op.pointer_mut(&found[dice.below(found.len())]).unwrap() = small;
            }
            if !inputs.is_empty() && dice.below(20) == 0 {
                let at = dice.below(inputs.len());
                inputs[at] = jingwei_graph::NodeId(dice.below(graph.nodes().len()) as u32);
            }
            let Ok(op) = serde_json::from_value::<Op>(op) else {
                break;
            };
            let added = match &op {
                Op::Input(input) => Ok(graph.input(&*input.name, node.shape.clone())),
                Op::Parameter(leaf) => {
                    Ok(graph.parameter(&*leaf.name, &node.shape.sizes().unwrap()))
                }
                Op::State(leaf) => Ok(graph.state(&*leaf.name, &node.shape.sizes().unwrap())),
                Op::Constant(constant) => Ok(graph.constant(constant.value)),
                _ => graph.add(op, &inputs),
            };
            if added.is_err() {
                break;
            }
        }
        asked += usize::from(bundle_of(graph, &path) && load_and_ask(&path));
    }
    assert!(
        asked > count() / 20,
        "only {asked} of {} could be asked",
        count()
    );
}
