//! The images that the model gets most wrong, inlined.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::Error;
use crate::{WorstImage, text};

/// An image as shown.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    source: String,
    truth: String,
    predicted: String,
    probability: String,
    truth_probability: String,
    origin: String,
    /// Few pixels are shown as squares rather than blurred.
    pixelated: bool,
    wrong: bool,
}

/// Prepares the images; `name` gives the name of a class.
pub(crate) fn cards(
    images: &[WorstImage],
    name: &dyn Fn(usize) -> String,
) -> Result<Vec<Card>, Error> {
    let card = |image: &WorstImage| {
        Ok(Card {
            source: format!("data:image/png;base64,{}", STANDARD.encode(png(image)?)),
            truth: name(image.truth),
            predicted: name(image.predicted),
            probability: text::percent(f64::from(image.probability)),
            truth_probability: text::percent(f64::from(image.truth_probability)),
            origin: image.origin.clone(),
            pixelated: image.width.max(image.height) < 100,
            wrong: image.truth != image.predicted,
        })
    };
    images.iter().map(card).collect()
}

fn png(image: &WorstImage) -> Result<Vec<u8>, Error> {
    let refuse = |expected: String, found: String| Error::Misfit {
        what: format!("image {}", image.origin),
        expected,
        found,
    };
    let color = match image.channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        other => return Err(refuse("1, 3 or 4 channels".into(), other.to_string())),
    };
    let length = u64::from(image.height) * u64::from(image.width) * u64::from(image.channels);
    if length != image.pixels.len() as u64 {
        return Err(refuse(
            format!("{length} bytes of pixels"),
            image.pixels.len().to_string(),
        ));
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width, image.height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&image.pixels));
    written.map_err(|error| refuse("an image of at least one pixel".into(), error.to_string()))?;
    Ok(bytes)
}
