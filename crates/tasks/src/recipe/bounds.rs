//! Bounds on every number of a recipe, whatever it is for.

use jingwei_graph::limits::MOST_STEPS;
use jingwei_train::fit::MOST_SIZE;
use toml::Value;

use super::RecipeError;
use super::place::{Source, Step};

/// The tables whose whole numbers are sizes.
const SIZES: [&str; 4] = ["data", "prepare", "augment", "model"];

/// Settings that move a window.
const STEPS: [&str; 2] = ["stride", "dilation"];

/// Refuses the first number that no setting may have: a fraction beyond what a 32-bit float holds, or a size beyond
/// [`MOST_SIZE`].
pub(super) fn check_numbers(source: &Source) -> Result<(), RecipeError> {
    let Ok(table) = source.text.parse::<toml::Table>() else {
        return Ok(());
    };
    for (key, value) in &table {
        walk(
            value,
            SIZES.contains(&&**key),
            &mut vec![Step::Key(key)],
            source,
        )?;
    }
    Ok(())
}

fn is_step(path: &[Step]) -> bool {
    path.iter()
        .any(|step| matches!(step, Step::Key(key) if STEPS.contains(key)))
}

fn walk<'v>(
    value: &'v Value,
    is_size: bool,
    path: &mut Vec<Step<'v>>,
    source: &Source,
) -> Result<(), RecipeError> {
    let wrong = |path: &[Step], message: String, remedy: &str| {
        Err(source.error_at(path, message, remedy.to_owned()))
    };
    match value {
        Value::Float(number) if !(*number as f32).is_finite() => wrong(
            path,
            format!("{number} is not a number that a 32-bit float holds"),
            "give a finite number of at most 3.4e38",
        ),
        Value::Integer(number) if is_size && *number > MOST_SIZE as i64 => wrong(
            path,
            format!("{number} is more than a size may be"),
            &format!("give at most {MOST_SIZE}"),
        ),
        Value::Integer(number) if is_step(path) && *number > MOST_STEPS as i64 => wrong(
            path,
            format!("{number} is more than a window may move"),
            &format!("give at most {MOST_STEPS}"),
        ),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                path.push(Step::Index(index));
                walk(value, is_size, path, source)?;
                path.pop();
            }
            Ok(())
        }
        Value::Table(table) => {
            for (key, value) in table {
                path.push(Step::Key(key));
                walk(value, is_size, path, source)?;
                path.pop();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
