#!/usr/bin/env python3
"""Writes share/demo/digits.tar.gz: the 1,797 images of the UCI optical digits as PNGs with a caption table.

Needs scikit-learn (whose wheel carries the data) and Pillow. The archive is the same bytes every time.
"""

import gzip
import io
import sys
import tarfile

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NOTICE = """Handwritten digits: 1,797 images of 8x8 pixels.

From "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository,
1998, https://doi.org/10.24432/C50P49, licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).
The test part of that data set, as carried by scikit-learn. Changed here: intensities 0..16 scaled to 0..255,
stored as PNG files, captions added.
"""


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.round(pixels * 255 / 16).astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main(path):
    digits = load_digits()
    files = {"NOTICE.txt": NOTICE.encode()}
    rows = ["file_name,text"]
    for number, (image, label) in enumerate(zip(digits.images, digits.target)):
        name = f"{number:04d}.png"
        files[name] = png(image)
        rows.append(f"{name},a handwritten {NAMES[label]}")
    files["metadata.csv"] = ("\n".join(rows) + "\n").encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with open(path, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed:
        packed.write(buffer.getvalue())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "share/demo/digits.tar.gz")
