//! A small sound bundle to tamper with.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use jingwei_bundle::{Bundle, Existing, OutputKind, Parts, Predictor, seal, write};
use jingwei_engine::{Function, Layout, Level, Runtime};
use jingwei_graph::ops::{ConvAttributes, Window};
use jingwei_graph::{Graph, Shape};

pub struct Victim {
    pub folder: tempfile::TempDir,
    /// The manifest without its digest.
    pub manifest: Vec<u8>,
}

/// The victim, made once.
pub fn victim() -> &'static Victim {
    static VICTIM: OnceLock<Victim> = OnceLock::new();
    VICTIM.get_or_init(|| make().expect("a sound bundle"))
}

impl Victim {
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("b").join(file)
    }

    /// Writes a manifest with the digest that fits it: a wrong one would stop everything else from being tried.
    pub fn write_manifest(&self, manifest: &[u8]) -> std::io::Result<()> {
        fs::write(self.path("jingwei.json"), seal(manifest))
    }

    /// Loads the bundle as it is now, and asks it.
    pub fn load(&self) {
        let Ok(bundle) = Bundle::load(self.folder.path().join("b")) else {
            return;
        };
        let small = bundle.inputs().iter().all(|input| input.len() < 1 << 16);
        let cheap = bundle.manifest().graph.nodes().iter().all(|node| {
            let sizes = node.shape.0.iter().map(|dim| match dim {
                jingwei_graph::Dim::Size(size) => *size,
                jingwei_graph::Dim::Symbol(_) => 1,
            });
            sizes.fold(1, usize::saturating_mul) < 1 << 16
        });
        if small && cheap {
            let runtime = Runtime::new(Level::Scalar, 1).expect("every processor has it");
            let inputs: Vec<Vec<f32>> = bundle
                .inputs()
                .iter()
                .map(|input| vec![0.5; 2 * input.len()])
                .collect();
            let slices: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let _ = bundle.verify(&runtime);
            if let Ok(predictor) = Predictor::new(bundle, runtime) {
                let _ = predictor.run(&slices, 2);
            }
        }
    }
}

fn make() -> Result<Victim, Box<dyn std::error::Error>> {
    let mut graph = Graph::new();
    let x = graph.input("pixels", Shape::batch_of(&[6, 6, 1]));
    let kernel = graph.parameter("conv/kernel", &[3, 3, 1, 4]);
    let mean = graph.state("mean", &[4]);
    let y = graph.conv2d(x, kernel, ConvAttributes::default())?;
    let y = graph.subtract(y, mean)?;
    let y = graph.gelu(y)?;
    let y = graph.max_pool2d(
        y,
        Window {
            size: [2, 2],
            stride: [2, 2],
            padding: [0; 4],
        },
    )?;
    let y = graph.flatten(y)?;
    let dense = graph.parameter("dense/kernel", &[16, 3]);
    let y = graph.matmul(y, dense)?;
    let y = graph.softmax(y)?;
    let parameters = Layout::new([
        ("conv/kernel", vec![3, 3, 1, 4]),
        ("dense/kernel", vec![16, 3]),
    ]);
    let states = Layout::new([("mean", vec![4])]);
    let values = vec![0.25; parameters.len()];
    let state_values = vec![0.5; states.len()];
    let function = Function::new(graph, vec![y], parameters, states);
    let folder = tempfile::tempdir()?;
    let parts = Parts {
        task: "test",
        function: &function,
        outputs: &[("probabilities", OutputKind::Probabilities)],
        parameters: &values,
        states: &state_values,
        preparation: None,
        samples: &[],
        time: 0,
        metrics: serde_json::json!({ "accuracy": 0.5 }),
        report: None,
        recipe: None,
    };
    let runtime = Runtime::new(Level::Scalar, 1)?;
    write(folder.path().join("b"), &parts, &runtime, Existing::Refuse)?;
    let sealed = fs::read(folder.path().join("b/jingwei.json"))?;
    let mut manifest: serde_json::Map<_, _> = serde_json::from_slice(&sealed)?;
    manifest.remove("sha256");
    let manifest = serde_json::to_vec(&manifest)?;
    Ok(Victim { folder, manifest })
}
