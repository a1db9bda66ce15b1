"""The C++ ST-DiT against an independent one in PyTorch, live: the output and every gradient."""

import json

import pytest
import torch

from conftest import run
from family_probe import assert_agrees
from stdit_reference import Shape, StDit

SHAPES = {
    "head width 72": Shape(layers=2, hidden=144, heads=2, ffn=300, text=24, rank=20),
    "wider than the rates": Shape(layers=1, hidden=272, heads=4, ffn=64, text=40, rank=16, channels=16, eps=1e-5),
}
PACKS = {"one video": [((3, 4, 5), 0.3, 7)], "videos and pictures": [((4, 2, 3), -1.2, 5), ((1, 6, 8), 0.7, 1), ((5, 1, 1), 0.0, 11), ((2, 3, 2), 1.0, 2)]}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_and_every_gradient_agree(shape, pack, tmp_path):
    shape = SHAPES[shape]
    assert_agrees(StDit(shape), PACKS[pack], shape.keys(), tmp_path)


@pytest.mark.parametrize("recipe, layers, hidden, heads", [("stdit_v3_xl", 28, 1152, 16), ("stdit_xl", 24, 1536, 12), ("stdit_3b", 24, 2048, 16)])
def test_the_recipes_have_as_many_parameters(recipe, layers, hidden, heads):
    with torch.device("meta"):
        model = StDit(Shape(layers=layers, hidden=hidden, heads=heads, ffn=4 * hidden, text=1024, rank=256))
    planned = run("dfm_train", "--plan", "--json", "--recipe", recipe, "dataset.task_encoder_seq_length=64").stdout
    assert json.loads(planned)["parameters"] == sum(each.numel() for each in model.parameters())
