"""The C++ MovieGen against an independent one in PyTorch, live: the output and every gradient."""

import pytest
import torch

from moviegen_reference import MovieGen, Shape
from probes import assert_close, run_probe

SHAPES = {
    "head width 42": Shape(layers=2, hidden=256, heads=6, groups=2, ffn=72, text=24),  # 252 of 256 features
    "every head its own": Shape(layers=1, hidden=264, heads=4, groups=4, ffn=50, text=40),
    "one group": Shape(layers=2, hidden=256, heads=8, groups=1, ffn=64, text=16, cross_residual="paper"),
}
# Grid of patches, c_noise and text rows of the samples of a pack.
PACKS = {"one sample": [((2, 4, 5), 0.3, 7)], "unequal samples": [((2, 3, 4), -1.2, 5), ((1, 6, 8), 0.7, 1), ((4, 1, 1), 0.0, 11)]}


def positions(grid):
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*[torch.arange(n) for n in grid], indexing="ij")], dim=1)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_output_and_every_gradient_agree(shape, pack, tmp_path):
    shape, pack = SHAPES[shape], PACKS[pack]
    torch.manual_seed(5)
    model = MovieGen(shape)
    for name, parameter in model.named_parameters():  # all alive, the modulation, too
        norm = name.endswith(("ln.weight", "affline_norm.weight"))
        torch.nn.init.normal_(parameter, 1.0 if norm else 0.0, 0.06)
    batch = [(torch.randn(grid[0] * grid[1] * grid[2], 64), positions(grid), level, torch.randn(rows, shape.text))
             for grid, level, rows in pack]
    weights = {f"param.{name}": value.detach().clone() for name, value in model.named_parameters()}
    model = model.double()  # exact, so that the errors are ours alone
    outputs = [model(tokens.double(), where, torch.tensor(level), text.double()) for tokens, where, level, text in batch]
    direction = torch.randn(sum(len(output) for output in outputs), 64)
    (torch.cat(outputs) * direction).sum().backward()
    expected = {"output": torch.cat(outputs).detach(), **{f"grad.{n}": p.grad for n, p in model.named_parameters()}}

    keys = {"family": "moviegen", "num_layers": shape.layers, "hidden_size": shape.hidden, "num_attention_heads": shape.heads,
            "num_query_groups": shape.groups, "ffn_hidden_size": shape.ffn, "crossattn_emb_size": shape.text,
            "max_frames": shape.frames, "max_img_h": shape.height, "max_img_w": shape.width,
            "cross_residual": shape.cross_residual}
    tensors = {**weights,
               "input": torch.cat([each[0] for each in batch]), "positions": torch.cat([each[1] for each in batch]),
               "level": torch.tensor([each[2] for each in batch]), "text": torch.cat([each[3] for each in batch]),
               "tokens": torch.tensor([len(each[0]) for each in batch]), "rows": torch.tensor([len(each[3]) for each in batch]),
               "direction": direction}
    assert_close(run_probe("backbone_probe", tensors, keys, tmp_path), expected)
