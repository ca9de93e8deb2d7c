//! The first recipe for tagged texts.

use jingwei_data::texts::Format;
use minijinja::context;

use crate::Error;
use crate::classes::one_class;
use crate::init::{Content, Look, render};
use crate::task::Task;
use crate::texts::{look_at, recipe_values};

pub(super) fn first_recipe(look: &Look<'_>, task: &dyn Task) -> Result<Option<String>, Error> {
    let Content::Texts { guess, train, .. } = &look.content else {
        return Ok(None);
    };
    if !guess.tagged {
        return Ok(None);
    }
    let dataset = look_at(train, guess)?;
    one_class(dataset.class_names(), ("tag", "tags"))?;
    let values = context! {
        task => task.name(),
        share => "0.1",
        is_names => guess.format == Format::TaggedNames,
        ..recipe_values(look, &dataset)
    };
    render(include_str!("recipe.toml"), values).map(Some)
}
