//! From the bytes of a picture file (PNG, JPEG, BMP, WebP) to pixels of one size.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use ::image::{DynamicImage, GenericImageView, ImageDecoder, ImageReader};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{
    FilterType, IntoImageView, IntoImageViewMut, PixelTrait, PixelType, ResizeAlg, ResizeOptions,
    Resizer,
};
use jingwei_bounds::Budget;

use crate::limits::check_file;
use crate::{Error, Limits, Result};

/// The size that pictures are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// 1 grey, 3 red, green, blue.
    pub channels: usize,
}

impl Size {
    /// Values of one picture.
    pub fn values(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub(crate) fn check(&self) -> Result<()> {
        const MOST: usize = 1 << 15;
        if [self.height, self.width]
            .iter()
            .all(|side| (1..=MOST).contains(side))
            && [1, 3].contains(&self.channels)
        {
            return Ok(());
        }
        let cause = format!(
            "{}×{} pixels of {} channels",
            self.height, self.width, self.channels
        );
        Err(Error::setting(
            "size",
            cause,
            format!("take 1 to {MOST} pixels a side, and 1 or 3 channels"),
        ))
    }
}

/// Decodes a picture file into `size.height × size.width × size.channels` bytes.
///
/// The picture is turned upright as its EXIF data say, laid on white where it is transparent, reduced to 8 bits, made
/// grey by the weights of ITU-R BT.601 (as Pillow does) if one channel is asked for, and resized by area-aware
/// bilinear interpolation, without keeping its proportions. Of an animation, the first picture counts.
/// `place` names the file in messages.
///
/// # Errors
/// If the bytes are no complete picture of a known format, or decoding would pass the limits.
pub fn decode(bytes: &[u8], place: &str, size: Size, limits: &Limits) -> Result<Vec<u8>> {
    decode_within(bytes, place, size, limits, &Budget::unlimited())
}

/// As [`decode`], with what it takes from `budget`.
///
/// # Errors
/// As [`decode`]; and [`Error::Exceeded`] if the budget ends.
pub fn decode_within(
    bytes: &[u8],
    place: &str,
    size: Size,
    limits: &Limits,
    budget: &Budget,
) -> Result<Vec<u8>> {
    size.check()?;
    let decoder = decoder(bytes, place, limits)?;
    let _loan = budget.lend(needed(&decoder))?;
    let image = decode_upright(bytes, place, decoder)?;
    let (width, height) = image.dimensions();
    let pixels = if size.channels == 1 {
        grey(image)
    } else {
        colours(image)
    };
    resize(pixels, [height as usize, width as usize], size)
        .map_err(|cause| Error::content(place, cause, "convert the picture to an ordinary size"))
}

/// Width and height of a picture file as it is shown, upright, and whether it has colours; reads the header alone.
///
/// # Errors
/// If the bytes do not start like a picture of a known format, or it is larger than the limits allow.
pub fn probe(bytes: &[u8], place: &str, limits: &Limits) -> Result<(Size, bool)> {
    let mut decoder = decoder(bytes, place, limits)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type().has_color();
    let sideways = decoder
        .orientation()
        .is_ok_and(|orientation| orientation.to_exif() >= 5);
    let (height, width) = if sideways {
        (width, height)
    } else {
        (height, width)
    };
    let channels = if colour { 3 } else { 1 };
    Ok((
        Size {
            height: height as usize,
            width: width as usize,
            channels,
        },
        colour,
    ))
}

/// Reads a picture file and decodes it as [`decode`] does.
///
/// # Errors
/// As [`decode`]; and if the file cannot be read or is larger than the limits allow.
pub fn decode_file(path: &Path, size: Size, limits: &Limits) -> Result<Vec<u8>> {
    let bytes = read_bounded(path, limits.image_file_bytes)?;
    decode(&bytes, &path.display().to_string(), size, limits)
}

/// Reads a whole file that is no longer than `limit`.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let unreadable = |source| Error::unreadable(path, source);
    check_file(path, limit)?;
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}

/// The bytes that decoding a picture takes: its values as the file has them, what the decoder keeps beside them, and the
/// same in 8 bits with and without transparency.
fn needed(decoder: &impl ImageDecoder) -> usize {
    const BESIDE: u64 = 8;
    let (width, height) = decoder.dimensions();
    let beside = u64::from(width) * u64::from(height) * BESIDE;
    usize::try_from(decoder.total_bytes().saturating_add(beside)).unwrap_or(usize::MAX)
}

fn decode_upright(
    bytes: &[u8],
    place: &str,
    mut decoder: impl ImageDecoder,
) -> Result<DynamicImage> {
    if bytes.starts_with(&[0xff, 0xd8]) && !jpeg_is_complete(bytes) {
        let cause = "the JPEG ends before its end marker";
        return Err(Error::content(
            place,
            cause,
            "get the file again, or remove it",
        ));
    }
    let orientation = decoder
        .orientation()
        .map_err(|cause| broken(place, &cause))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|cause| broken(place, &cause))?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn decoder<'a>(bytes: &'a [u8], place: &str, limits: &Limits) -> Result<impl ImageDecoder + 'a> {
    let mut bounds = ::image::Limits::no_limits();
    bounds.max_image_width = Some(limits.image_side);
    bounds.max_image_height = Some(limits.image_side);
    bounds.max_alloc = Some(limits.image_bytes);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|cause| Error::content(place, cause, "check the file"))?;
    if !reader
        .format()
        .is_some_and(|format| format.reading_enabled())
    {
        let cause = "the content is no PNG, JPEG, BMP or WebP picture";
        return Err(Error::content(place, cause, "convert or remove the file"));
    }
    reader.limits(bounds.clone());
    let mut decoder = reader
        .into_decoder()
        .map_err(|cause| broken(place, &cause))?;
    decoder
        .set_limits(bounds)
        .map_err(|cause| broken(place, &cause))?;
    let (width, height) = decoder.dimensions();
    let (pixels, limit) = (u64::from(width) * u64::from(height), limits.image_pixels);
    if pixels > limit {
        let place = place.to_owned();
        return Err(Error::TooManyPixels {
            place,
            pixels,
            limit,
        });
    }
    let (needed, limit) = (decoder.total_bytes(), limits.image_bytes);
    if needed > limit {
        let remedy = "make the picture smaller, or raise the limit".to_owned();
        return Err(Error::TooLarge {
            place: place.to_owned(),
            needed,
            limit,
            remedy,
        });
    }
    Ok(decoder)
}

fn broken(place: &str, cause: &::image::ImageError) -> Error {
    Error::content(
        place,
        format!("the picture cannot be decoded ({cause})"),
        "get the file again, or remove it",
    )
}

/// Whether the end marker comes, walking over segments and compressed data (ITU-T T.81, B.1); the decoder itself fills
/// what is missing with grey.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[start, kind]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        match (start, kind) {
            (0xff, 0xd9) => return true,
            // A header segment, or the start of a scan, tells its length.
            (0xff, 0xc0..=0xcf | 0xda..=0xfe) => {
                let length = bytes.get(at + 2..).and_then(|rest| rest.first_chunk());
                at += 2 + length.map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
            }
            _ => at += 1,
        }
    }
    false
}

fn grey(image: DynamicImage) -> Vec<u8> {
    if let DynamicImage::ImageLuma8(grey) = image {
        return grey.into_raw();
    }
    let luma = |pixel: &[u8; 3]| {
        let [red, green, blue] = pixel.map(u32::from);
        ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
    };
    colours(image).as_chunks::<3>().0.iter().map(luma).collect()
}

fn colours(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    let on_white = |&[red, green, blue, alpha]: &[u8; 4]| {
        let blend = |value: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        [red, green, blue].map(blend)
    };
    image
        .into_rgba8()
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(on_white)
        .collect()
}

fn resize(pixels: Vec<u8>, from: [usize; 2], size: Size) -> std::result::Result<Vec<u8>, String> {
    if from == [size.height, size.width] {
        return Ok(pixels);
    }
    match size.channels {
        1 => resize_as::<U8>(&pixels, PixelType::U8, from, size),
        _ => resize_as::<U8x3>(&pixels, PixelType::U8x3, from, size),
    }
}

/// Naming the pixel's type spares compiling the library's other eleven, which took minutes.
fn resize_as<P: PixelTrait>(
    pixels: &[u8],
    kind: PixelType,
    from: [usize; 2],
    size: Size,
) -> std::result::Result<Vec<u8>, String> {
    let source = ImageRef::new(from[1] as u32, from[0] as u32, pixels, kind)
        .map_err(|cause| cause.to_string())?;
    let mut target = Image::new(size.width as u32, size.height as u32, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let (Some(source), Some(mut typed)) = (source.image_view::<P>(), target.image_view_mut::<P>())
    else {
        return Err("the pixels have another type".to_owned());
    };
    Resizer::new()
        .resize_typed(&source, &mut typed, &options)
        .map_err(|cause| cause.to_string())?;
    drop(typed);
    Ok(target.into_vec())
}
