"""The C++ ST-DiT against an independent one in PyTorch, live: the output and every gradient."""

import pytest
import torch

from family_probe import assert_agrees, enliven, random_samples
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
    torch.manual_seed(5)
    model = StDit(shape)
    enliven(model)
    keys = {"family": "stdit", "num_layers": shape.layers, "hidden_size": shape.hidden, "num_attention_heads": shape.heads,
            "ffn_hidden_size": shape.ffn, "crossattn_emb_size": shape.text, "adaln_rank": shape.rank,
            "in_channels": shape.channels, "layernorm_epsilon": shape.eps}
    assert_agrees(model, random_samples(PACKS[pack], shape.features, shape.text), keys, tmp_path)
