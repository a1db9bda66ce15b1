"""Are drawn digits the digits that were asked for, and do they vary? Judged by scikit-learn on the real ones."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.svm import SVC

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def drawn_digits(folder):
    """(pixels [n, 64] in 0..16, asked digit [n]) from pictures named NUMBER_a_handwritten_WORD.png."""
    pixels, asked = [], []
    for path in sorted(Path(folder).glob("*_a_handwritten_*.png")):
        small = Image.open(path).convert("L").resize((8, 8), Image.BOX)
        pixels.append(np.asarray(small, dtype=np.float64).ravel() * 16 / 255)
        asked.append(NAMES.index(path.stem.rsplit("_", 1)[1]))
    return np.array(pixels), np.array(asked)


def mean_distance(pixels):
    differences = pixels[:, None, :] - pixels[None, :, :]
    distances = np.sqrt((differences**2).sum(axis=2))
    count = len(pixels)
    return distances.sum() / (count * (count - 1))


def judge(folder):
    """Share of drawn digits recognised as asked, and their spread relative to the real ones, least over the classes
    and on average."""
    real = load_digits()
    classifier = SVC(gamma=0.001).fit(real.data, real.target)
    pixels, asked = drawn_digits(folder)
    recognised = (classifier.predict(pixels) == asked).mean()
    spread = [mean_distance(pixels[asked == d]) / mean_distance(real.data[real.target == d]) for d in range(10)]
    return recognised, min(spread), float(np.mean(spread))


if __name__ == "__main__":
    import sys

    print("recognised %.2f, spread: least %.2f, mean %.2f" % judge(sys.argv[1]))
