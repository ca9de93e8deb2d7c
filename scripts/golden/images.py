"""Makes small picture files and what Pillow reads from them: crates/data/tests/golden/images.

Run with Pillow and NumPy: python scripts/golden/images.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).parents[2] / "crates/data/tests/golden/images"


def base():
    """A smooth 24 × 16 colour picture with an unmistakable orientation."""
    y, x = np.mgrid[0:16, 0:24]
    channels = [x * 10, y * 15, 128 + 100 * np.sin(x / 5 + y / 3)]
    return np.stack(channels, -1).clip(0, 255).astype(np.uint8)


def save(name, image, **options):
    image.save(FOLDER / name, **options)


def make():
    rgb = Image.fromarray(base())
    grey = rgb.convert("L")
    alpha = Image.fromarray((np.mgrid[0:16, 0:24][1] * 11).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    grey_alpha = grey.copy()
    grey_alpha.putalpha(alpha)
    save("rgb.png", rgb)
    save("grey.png", grey)
    save("rgba.png", rgba)
    save("grey_alpha.png", grey_alpha)
    save("palette.png", rgb.quantize(16))
    save("bits.png", grey.convert("1"))
    save("grey16.png", Image.fromarray((np.asarray(grey).astype(np.uint16) * 257)))
    save("rgb.bmp", rgb)
    save("palette.bmp", rgb.quantize(16))
    save("rgb.jpg", rgb, quality=95, subsampling=0)
    save("progressive.jpg", rgb, quality=95, progressive=True, subsampling=0)
    save("grey.jpg", grey, quality=95)
    save("cmyk.jpg", rgb.convert("CMYK"), quality=98, subsampling=0)
    save("lossless.webp", rgb, lossless=True)
    save("lossy.webp", rgb, quality=95)
    save("alpha.webp", rgba, lossless=True, exact=True)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"turned{orientation}.jpg", rgb, quality=95, subsampling=0, exif=exif)
    exif[0x0112] = 6
    save("turned6.png", rgb, exif=exif)
    save("turned6.webp", rgb, lossless=True, exif=exif)


def expected(path):
    """What Pillow shows: upright, on white, as colours."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


FOLDER.mkdir(parents=True, exist_ok=True)
make()
result = {}
for path in sorted(FOLDER.glob("*.*")):
    if path.suffix == ".json":
        continue
    image = expected(path)
    small = image.resize((7, 5), Image.Resampling.BILINEAR)
    result[path.name] = {
        "height": image.height,
        "width": image.width,
        "rgb": np.asarray(image)[::5, ::7].flatten().tolist(),
        "small_rgb": np.asarray(small).flatten().tolist(),
        "small_grey": np.asarray(image.convert("L").resize((7, 5), Image.Resampling.BILINEAR)).flatten().tolist(),
    }
(FOLDER / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
