//! Recipes, runs and baselines.

mod baseline;
mod bounds;
mod first_recipe;
mod identity;
mod recipe;
mod run;
mod scale;
mod support;
mod texts;
