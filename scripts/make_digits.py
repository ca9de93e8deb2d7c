"""Writes examples/digits from scikit-learn's copy of the digits: 1,797 grey images of 8 x 8 pixels, as IDX files.

usage: python scripts/make_digits.py        (needs scikit-learn; writes the same bytes every time)
"""

import gzip
import pathlib
import struct

import numpy as np
from sklearn.datasets import load_digits

folder = pathlib.Path(__file__).parent.parent / "examples" / "digits"
digits = load_digits()
# The scans count 0 to 16 dark pixels in each 4 x 4 block; images hold bytes.
pixels = np.minimum(digits.images * 16, 255).astype(np.uint8)
labels = digits.target.astype(np.uint8)


def write(name, header, values):
    with open(folder / name, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(header + values.tobytes())


write("digits-images-idx3-ubyte.gz", struct.pack(">4I", 0x803, *pixels.shape), pixels)
write("digits-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, len(labels)), labels)
