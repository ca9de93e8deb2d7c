use std::path::Path;

use anyhow::Result;
use jingwei_nn::{Network, Sizes};
use jingwei_tasks::recipe::TokenIds;
use jingwei_tasks::run::{Job, Prepared};
use serde_json::json;

use super::layers::{draw, layer_values, print_layers};
use crate::printer::Printer;
use crate::progress::Waiting;

/// Shows the network of a recipe.
pub fn inspect_recipe(path: &Path, svg: Option<&Path>, printer: &Printer) -> Result<()> {
    let summary = recipe_network(path, printer)?.summary()?;
    if let Some(file) = svg {
        draw(&summary, file, printer)?;
    }
    if printer.is_json() {
        let (layers, parameters) = (layer_values(&summary), summary.parameters());
        return printer
            .value(&json!({ "kind": "recipe", "layers": layers, "parameters": parameters }));
    }
    print_layers(&summary, printer)
}

/// The network of a recipe; its data are read only if the recipe does not say what they are.
fn recipe_network(path: &Path, printer: &Printer) -> Result<Network> {
    let job = Job::load(path)?;
    let recipe = &job.recipe;
    let outputs = if recipe.task.has_classes() {
        recipe.data.classes.len()
    } else {
        recipe.data.target.0.len()
    };
    if let (Some(sizes), 1..) = (&recipe.model.input, outputs) {
        let (sizes, tokens) = (Sizes::from(sizes.as_slice()), TokenIds::default());
        return Ok(recipe.model.network(&sizes, tokens, outputs)?);
    }
    let _waiting = Waiting::new(printer, "reading the data");
    Ok(Prepared::new(&job)?.network)
}
