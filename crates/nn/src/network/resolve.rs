//! Finding what the names in a network mean.

use std::collections::{HashMap, HashSet};

use super::Network;
use crate::{Entry, Error, Place, Result};

/// Names and places, found.
pub(crate) struct Resolved {
    /// The name of every layer.
    pub(crate) names: Vec<String>,
    /// Where the inputs of every layer stand among the network's inputs and layers.
    pub(crate) inputs: Vec<Vec<usize>>,
    /// Where the outputs stand.
    pub(crate) outputs: Vec<usize>,
}

impl Network {
    /// Gives every layer its name and finds what it takes.
    pub(crate) fn resolve(&self) -> Result<Resolved> {
        if self.inputs.is_empty() {
            let remedy = "add one with the sizes of a sample, such as [28, 28, 1]";
            return Err(Error::Incomplete {
                missing: "input",
                remedy,
            });
        }
        let mut known = self.known_inputs()?;
        let names = self.layer_names();
        let mut inputs = Vec::with_capacity(self.layers.len());
        for (index, (entry, name)) in self.layers.iter().zip(&names).enumerate() {
            inputs.push(self.inputs_of(index, entry, name, &known)?);
            if known.insert(name, self.inputs.len() + index).is_some() {
                return Err(Error::DuplicateName {
                    place: place(index, name),
                    name: name.clone(),
                });
            }
        }
        let outputs = self.resolve_outputs(&known)?;
        Ok(Resolved {
            names,
            inputs,
            outputs,
        })
    }

    fn known_inputs(&self) -> Result<HashMap<&str, usize>> {
        let mut known = HashMap::new();
        for (index, input) in self.inputs.iter().enumerate() {
            if known.insert(input.name.as_str(), index).is_some() {
                let place = format!("input {}", index + 1).into();
                return Err(Error::DuplicateName {
                    place,
                    name: input.name.clone(),
                });
            }
        }
        Ok(known)
    }

    /// The outputs that are named, or the last layer.
    fn resolve_outputs(&self, known: &HashMap<&str, usize>) -> Result<Vec<usize>> {
        if self.layers.is_empty() && self.outputs.is_empty() {
            return Err(Error::Incomplete {
                missing: "layer",
                remedy: "add at least one",
            });
        }
        if self.outputs.is_empty() {
            return Ok(vec![self.count() - 1]);
        }
        self.outputs
            .iter()
            .map(|name| find(name, known, &Place::Outputs))
            .collect()
    }

    /// The given names, and for the others the kind and the smallest number that is free.
    fn layer_names(&self) -> Vec<String> {
        let given = self.layers.iter().filter_map(|entry| entry.name.as_deref());
        let mut taken: HashSet<String> = given.map(str::to_owned).collect();
        taken.extend(self.inputs.iter().map(|input| input.name.clone()));
        let mut names = Vec::with_capacity(self.layers.len());
        for entry in &self.layers {
            let automatic = || (1..).map(|number| format!("{}_{number}", entry.layer.kind()));
            let name = entry
                .name
                .clone()
                .or_else(|| automatic().find(|name| !taken.contains(name)))
                .unwrap_or_default();
            taken.insert(name.clone());
            names.push(name);
        }
        names
    }

    fn inputs_of(
        &self,
        index: usize,
        entry: &Entry,
        name: &str,
        known: &HashMap<&str, usize>,
    ) -> Result<Vec<usize>> {
        match (entry.inputs.is_empty(), index) {
            (false, _) => entry
                .inputs
                .iter()
                .map(|input| find(input, known, &place(index, name)))
                .collect(),
            (true, 0) if self.inputs.len() > 1 => Err(Error::Shape {
                place: place(index, name),
                expected: "the names of its inputs, as the network has several".to_owned(),
                found: "none".to_owned(),
            }),
            (true, 0) => Ok(vec![0]),
            (true, _) => Ok(vec![self.inputs.len() + index - 1]),
        }
    }
}

/// How errors name a layer.
pub(super) fn place(index: usize, name: &str) -> Place {
    Place::Layer {
        number: index + 1,
        name: name.to_owned(),
    }
}

fn find(name: &str, known: &HashMap<&str, usize>, place: &Place) -> Result<usize> {
    known.get(name).copied().ok_or_else(|| {
        let mut names: Vec<_> = known
            .iter()
            .map(|(name, index)| (*index, format!("`{name}`")))
            .collect();
        names.sort_unstable();
        let known = names
            .into_iter()
            .map(|(_, name)| name)
            .collect::<Vec<_>>()
            .join(", ");
        Error::UnknownName {
            place: place.clone(),
            name: name.to_owned(),
            known,
        }
    })
}
