use std::path::Path;

use anyhow::{Context, Result};
use jingwei_bundle::{Bundle, Dim, RECIPE_FILE};
use jingwei_nn::{Network, Sizes, Summary};
use jingwei_tasks::recipe::{Recipe, TokenIds};
use serde_json::{Value, json};

use super::layers::{draw, layer_values, print_layers};
use crate::numbers::{bytes, count};
use crate::printer::Printer;
use crate::table::Table;

/// Shows what a bundle holds; what it predicts is not computed.
pub fn inspect_bundle(folder: &Path, svg: Option<&Path>, printer: &Printer) -> Result<()> {
    let bundle = Bundle::load(folder)?;
    let summary = network(&bundle)
        .map(|network| network.summary())
        .transpose()?;
    if let Some(file) = svg {
        let summary = summary.as_ref().with_context(|| {
            let folder = folder.display();
            format!(
                "{folder}: the bundle holds no recipe, so its layers are unknown; draw the recipe"
            )
        })?;
        draw(summary, file, printer)?;
    }
    if printer.is_json() {
        return printer.value(&value(&bundle, summary.as_ref()));
    }
    printer.line(format_args!("{}\n", facts(&bundle)))?;
    match &summary {
        Some(summary) => print_layers(summary, printer),
        None => print_tensors(&bundle, printer),
    }
}

fn classes(bundle: &Bundle) -> &[String] {
    bundle
        .preparation()
        .map_or(&[][..], |preparation| preparation.class_names())
}

fn value(bundle: &Bundle, summary: Option<&Summary>) -> Value {
    let manifest = bundle.manifest();
    json!({
        "kind": "bundle", "task": manifest.task, "library": manifest.library, "format": manifest.version,
        "inputs": manifest.inputs, "outputs": manifest.outputs, "classes": classes(bundle),
        "layers": summary.map(layer_values), "tensors": manifest.parameters,
        "parameters": bundle.function().parameters.values(), "bytes": manifest.weights.bytes,
        "weights_hash": manifest.weights.parameters_sha256,
    })
}

fn facts(bundle: &Bundle) -> Table {
    let manifest = bundle.manifest();
    let mut facts = Table::new(&["bundle", ""]);
    facts.row([&"task", &manifest.task]);
    for input in &manifest.inputs {
        facts.row([&"input", &format!("{} {}", input.name, sizes(&input.shape))]);
    }
    for output in &manifest.outputs {
        facts.row([
            &"output",
            &format!("{} {}", output.name, sizes(&output.shape)),
        ]);
    }
    if let classes @ [_, ..] = classes(bundle) {
        facts.row([
            &"classes",
            &format!("{}: {}", classes.len(), classes.join(", ")),
        ]);
    }
    facts.row([&"parameters", &count(bundle.function().parameters.values())]);
    facts.row([&"weights", &bytes(manifest.weights.bytes)]);
    facts.row([
        &"made by",
        &format!("Jingwei {}, format {}", manifest.library, manifest.version),
    ]);
    facts
}

/// The network of a bundle, by the recipe in it.
fn network(bundle: &Bundle) -> Option<Network> {
    let text = std::fs::read_to_string(bundle.folder().join(RECIPE_FILE)).ok()?;
    let recipe = Recipe::parse(&text, RECIPE_FILE).ok()?;
    let (input, output) = (bundle.inputs().first()?, bundle.outputs().first()?);
    let preparation = bundle.preparation()?;
    let outputs = match preparation.class_names().len() {
        2 if output.len() == 1 => 1,
        0 => output.len(),
        classes => classes,
    };
    let tokens = TokenIds::of(preparation.text());
    let network = recipe.model.network(&sizes(&input.shape), tokens, outputs);
    network.ok()
}

fn sizes(shape: &[Dim]) -> Sizes {
    Sizes(shape.to_vec())
}

fn print_tensors(bundle: &Bundle, printer: &Printer) -> Result<()> {
    let mut table = Table::new(&["tensor", "shape", ">values"]);
    for tensor in &bundle.manifest().parameters {
        let values: usize = tensor.shape.iter().product();
        table.row([&tensor.name, &format!("{:?}", tensor.shape), &count(values)]);
    }
    printer.line(table)
}
