//! The first recipe for pictures.

use jingwei_data::inspect::Summary;
use jingwei_data::source::SourceKind;
use minijinja::context;

use crate::Error;
use crate::classes::one_class;
use crate::init::{Content, Look, render};

/// Fewer pictures than these are changed at random, and seen more often.
const FEW: usize = 5000;

pub(super) fn first_recipe(look: &Look<'_>) -> Result<Option<String>, Error> {
    let Content::Samples { found, summary } = &look.content else {
        return Ok(None);
    };
    let resized = match found.kind {
        SourceKind::Csv => return Ok(None),
        SourceKind::ImageFolder => true,
        SourceKind::Idx | SourceKind::Cifar10 => false,
    };
    let names: Vec<String> = summary.classes.iter().map(|own| own.name.clone()).collect();
    one_class(&names, ("class", "classes"))?;
    let [height, width, channels] = size(summary);
    let values = context! {
        resized, height, width, channels,
        side => height.min(width),
        few => summary.samples < FEW,
        ..look.samples(found, summary)
    };
    render(include_str!("recipe.toml"), values).map(Some)
}

/// The size of the pictures, or one near their middle.
fn size(summary: &Summary) -> [usize; 3] {
    if let Some(&[height, width, channels]) = summary.shape.as_deref() {
        return [height, width, channels];
    }
    match &summary.sizes {
        Some(sizes) => {
            let side = |middle: usize| middle.clamp(8, 96);
            [
                side(sizes.heights[1]),
                side(sizes.widths[1]),
                if sizes.coloured > 0 { 3 } else { 1 },
            ]
        }
        None => [32, 32, 3],
    }
}
