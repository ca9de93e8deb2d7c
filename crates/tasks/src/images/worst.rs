//! The pictures that the model gets most wrong, inlined into the report.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jingwei_data::Features;
use jingwei_metrics::Outcome;
use jingwei_report::{Section, percent};
use minijinja::context;
use serde::Serialize;

use crate::Error;
use crate::task::Finished;

/// The section of them; none if no picture is classified wrongly.
pub(super) fn section(finished: &Finished<'_>) -> Result<Option<Section>, Error> {
    let images = worst(finished)?;
    if images.is_empty() {
        return Ok(None);
    }
    let names = finished.prepared.source.dataset.class_names();
    let name = |class: usize| match names.get(class) {
        Some(name) => name.clone(),
        None => format!("class {class}"),
    };
    Ok(Some(page(&images, &name)?))
}

fn page(
    images: &[WorstImage],
    name: &dyn Fn(usize) -> String,
) -> Result<Section, jingwei_report::Error> {
    let values = context! { images => cards(images, name)? };
    Section::render("worst", "Worst images", include_str!("worst.html"), &values)
}

/// The pictures whose own class gets the least probability, of those that are classified wrongly.
fn worst(finished: &Finished<'_>) -> Result<Vec<WorstImage>, Error> {
    let Some((part, evaluator)) = finished.shown else {
        return Ok(Vec::new());
    };
    let count = finished.recipe.report.worst_images;
    let dataset = part.dataset(&finished.prepared.source);
    let Features::Images {
        height,
        width,
        channels,
        ..
    } = dataset.features()
    else {
        return Ok(Vec::new());
    };
    let Some(predictions) = evaluator.classified()? else {
        return Ok(Vec::new());
    };
    let outcomes = predictions.outcomes().iter().enumerate();
    let mut wrong: Vec<(usize, &Outcome)> = outcomes
        .filter(|(_, outcome)| outcome.predicted != outcome.label)
        .collect();
    wrong.sort_by(|a, b| a.1.truth.total_cmp(&b.1.truth).then(a.0.cmp(&b.0)));
    let image = |(row, outcome): (usize, &Outcome)| {
        let index = part.indices[row];
        WorstImage {
            pixels: dataset.image(index).unwrap_or_default().to_vec(),
            height: *height as u32,
            width: *width as u32,
            channels: *channels as u8,
            truth: outcome.label as usize,
            predicted: outcome.predicted as usize,
            probability: outcome.confidence,
            truth_probability: outcome.truth,
            origin: dataset.origin(index),
        }
    };
    Ok(wrong.into_iter().take(count).map(image).collect())
}

/// An image that the model gets wrong.
#[derive(Debug, Clone)]
struct WorstImage {
    /// height × width × channels bytes, row-major.
    pixels: Vec<u8>,
    /// Height in pixels.
    height: u32,
    /// Width in pixels.
    width: u32,
    /// 1 for grey, 3 for RGB, 4 for RGB with alpha.
    channels: u8,
    /// Its true class.
    truth: usize,
    /// The class that the model says.
    predicted: usize,
    /// The probability of the class that the model says.
    probability: f32,
    /// The probability that the model gives to the true class.
    truth_probability: f32,
    /// Where it came from: a file, or a file and a row.
    origin: String,
}

/// An image as shown.
#[derive(Debug, Serialize)]
struct Card {
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
fn cards(
    images: &[WorstImage],
    name: &dyn Fn(usize) -> String,
) -> Result<Vec<Card>, jingwei_report::Error> {
    let card = |image: &WorstImage| {
        Ok(Card {
            source: format!("data:image/png;base64,{}", STANDARD.encode(png(image)?)),
            truth: name(image.truth),
            predicted: name(image.predicted),
            probability: percent(f64::from(image.probability)),
            truth_probability: percent(f64::from(image.truth_probability)),
            origin: image.origin.clone(),
            pixelated: image.width.max(image.height) < 100,
            wrong: image.truth != image.predicted,
        })
    };
    images.iter().map(card).collect()
}

fn png(image: &WorstImage) -> Result<Vec<u8>, jingwei_report::Error> {
    let refuse = |expected: String, found: String| jingwei_report::Error::Misfit {
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{WorstImage, page};

    const HOSTILE: &str = "</style></svg><script src=\"//x\">alert('1')</script>&{{ 7*7 }}";

    fn image() -> WorstImage {
        WorstImage {
            pixels: vec![0, 127, 255, 64, 32, 16],
            height: 1,
            width: 2,
            channels: 3,
            truth: 0,
            predicted: 1,
            probability: 0.9,
            truth_probability: 0.01,
            origin: HOSTILE.to_owned(),
        }
    }

    #[test]
    fn names_are_escaped_and_pixels_stay() {
        let html = page(&[image()], &|_| HOSTILE.to_owned()).unwrap().html;
        assert!(
            !html.contains("<script") && html.contains("{{ 7*7 }}"),
            "{html}"
        );
        let (_, rest) = html.split_once("data:image/png;base64,").unwrap();
        let bytes = STANDARD.decode(rest.split('"').next().unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, image().pixels);
    }

    #[test]
    fn pixels_that_do_not_fit_are_refused() {
        let refused = |image| page(&[image], &|_| String::new()).unwrap_err().to_string();
        let mut wrong = image();
        wrong.pixels.pop();
        assert!(refused(wrong.clone()).contains("expected 6 bytes of pixels, found 5"));
        wrong.channels = 2;
        assert!(refused(wrong).contains("1, 3 or 4 channels"));
    }
}
