"""The C++ EC-DiT against an independent one in PyTorch, live: the output and every gradient."""

import pytest

from ecdit_reference import EcDit, ExpertShape
from family_probe import assert_agrees

SHAPES = {
    "two experts a token": ExpertShape(layers=2, hidden=256, heads=6, groups=2, ffn=40, text=24, experts=5, factor=2.0),
    "all samples together": ExpertShape(layers=2, hidden=256, heads=4, groups=4, ffn=24, text=16, experts=4, factor=1.3, group="pack"),
    "more experts than most tokens": ExpertShape(layers=1, hidden=264, heads=4, groups=1, ffn=16, text=16, experts=16, factor=0.5,
                                                 cross_residual="paper"),
}
PACKS = {"one sample": [((2, 4, 5), 0.3, 7)], "unequal samples": [((2, 3, 4), -1.2, 5), ((1, 6, 8), 0.7, 1), ((4, 1, 1), 0.0, 11)]}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_and_every_gradient_agree(shape, pack, tmp_path):
    shape = SHAPES[shape]
    assert_agrees(EcDit(shape), PACKS[pack], shape.keys(), tmp_path)
