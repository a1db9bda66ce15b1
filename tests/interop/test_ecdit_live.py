"""The C++ EC-DiT against an independent one in PyTorch, live: the output and every gradient."""

import pytest
import torch

from ecdit_reference import EcDit, ExpertShape
from family_probe import assert_agrees, enliven, random_samples

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
    torch.manual_seed(5)
    model = EcDit(shape)
    enliven(model)
    keys = {"family": "moviegen", "num_layers": shape.layers, "hidden_size": shape.hidden, "num_attention_heads": shape.heads,
            "num_query_groups": shape.groups, "ffn_hidden_size": shape.ffn, "crossattn_emb_size": shape.text,
            "max_frames": shape.frames, "max_img_h": shape.height, "max_img_w": shape.width,
            "cross_residual": shape.cross_residual, "num_moe_experts": shape.experts,
            "moe_expert_capacity_factor": shape.factor, "moe_routing_group": shape.group}
    assert_agrees(model, random_samples(PACKS[pack], 64, shape.text), keys, tmp_path)
