//! What tasks with classes have in common.

use jingwei_nn::{Loss, SparseCategoricalCrossEntropy};

use crate::Error;
use crate::recipe::Recipe;

/// The classes that a network is checked with before the data have said how many there are.
const ANY: usize = 10;

/// The loss of one class a sample.
pub(crate) fn loss() -> Loss {
    SparseCategoricalCrossEntropy::default().into()
}

/// The classes that a recipe names, at least two.
pub(crate) fn known(recipe: &Recipe) -> usize {
    recipe.data.classes.len().max(2)
}

/// The values that a network gives for one class a sample.
pub(crate) fn outputs(recipe: &Recipe) -> usize {
    match recipe.loss() {
        Loss::BinaryCrossEntropy(_) => 1,
        _ => each(recipe),
    }
}

/// A value for each class.
pub(crate) fn each(recipe: &Recipe) -> usize {
    match recipe.data.classes.len() {
        0 => ANY,
        count => count,
    }
}

/// Refuses to tell one class apart.
pub(crate) fn one_class(names: &[String], (one, many): (&str, &str)) -> Result<(), Error> {
    let refused = |reason| {
        Err(Error::Setting {
            name: "data".to_owned(),
            reason,
            remedy: format!("give samples of at least two {many}"),
        })
    };
    match names {
        [] => refused(format!("there are no {many}")),
        [only] => refused(format!("there is only one {one} ({only:.100})")),
        _ => Ok(()),
    }
}
