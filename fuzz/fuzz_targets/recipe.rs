#![no_main]

use jingwei_tasks::recipe::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(recipe) = Recipe::parse(text, "recipe.toml") {
        // What was read can be written, and reads the same again.
        let written = recipe.to_toml_with_defaults().expect("a recipe can be written");
        Recipe::parse(&written, "written.toml").expect("a written recipe can be read");
    }
});
