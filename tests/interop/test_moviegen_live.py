"""The C++ MovieGen against an independent one in PyTorch, live: the output and every gradient."""

import pytest

from family_probe import assert_agrees
from moviegen_reference import MovieGen, Shape

SHAPES = {
    "head width 42": Shape(layers=2, hidden=256, heads=6, groups=2, ffn=72, text=24),  # 252 of 256 features
    "every head its own": Shape(layers=1, hidden=264, heads=4, groups=4, ffn=50, text=40),
    "one group": Shape(layers=2, hidden=256, heads=8, groups=1, ffn=64, text=16, cross_residual="paper"),
}
PACKS = {"one sample": [((2, 4, 5), 0.3, 7)], "unequal samples": [((2, 3, 4), -1.2, 5), ((1, 6, 8), 0.7, 1), ((4, 1, 1), 0.0, 11)]}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_and_every_gradient_agree(shape, pack, tmp_path):
    shape = SHAPES[shape]
    assert_agrees(MovieGen(shape), PACKS[pack], shape.keys(), tmp_path)
