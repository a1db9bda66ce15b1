"""The C++ DiT against PyTorch, live: forward, loss and every gradient, for sizes beyond the golden file."""

import pytest
import torch

from dit_reference import Dit, DitShape, edm_loss
from probes import run_probe

SHAPES = {
    "head width 72": DitShape(num_layers=2, hidden_size=144, num_attention_heads=2, ffn_hidden_size=576, adaln_rank=32,
                              crossattn_emb_size=96),
    "head width 40": DitShape(num_layers=2, hidden_size=160, num_attention_heads=4, ffn_hidden_size=640, adaln_rank=32,
                              crossattn_emb_size=40),
    "head width 64, wide": DitShape(num_layers=1, hidden_size=384, num_attention_heads=6, ffn_hidden_size=1536),
    "one head, odd ffn": DitShape(num_layers=3, hidden_size=48, num_attention_heads=1, ffn_hidden_size=101, adaln_rank=7,
                                  crossattn_emb_size=33),
}
# Grids (frames, rows, columns) and text rows of the samples of a pack.
PACKS = {
    "one sample": [((1, 12, 11), 9)],
    "unequal samples": [((2, 5, 7), 6), ((1, 9, 4), 1), ((1, 1, 3), 17)],
    "equal samples": [((1, 4, 4), 3)] * 6,
    "equal runs": [((1, 4, 4), 3)] * 2 + [((1, 2, 2), 3)] * 3 + [((1, 2, 2), 5)] * 2,
}


def positions(grid):
    axes = torch.meshgrid(*[torch.arange(extent) for extent in grid], indexing="ij")
    return torch.stack([axis.flatten() for axis in axes], dim=1)


def example(shape, pack, dtype):
    """A random model with all parameters alive (the zeroed ones, too), and a random batch."""
    torch.manual_seed(1)
    model = Dit(shape)
    for parameter in model.parameters():
        if parameter.dim() == 1 or parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, 1.0 if parameter.dim() == 1 else 0.0, 0.05)
    model = model.to(dtype)
    tokens = [grid[0] * grid[1] * grid[2] for grid, _ in pack]
    rows = [count for _, count in pack]
    total = sum(tokens)
    mask = torch.ones(total)
    mask[-1] = 0
    return model, {"latent": torch.randn(total, shape.features), "noise": torch.randn(total, shape.features),
                   "sigma": torch.randn(len(pack)).exp(), "text": torch.randn(sum(rows), shape.crossattn_emb_size),
                   "positions": torch.cat([positions(grid) for grid, _ in pack]), "tokens": torch.tensor(tokens),
                   "rows": torch.tensor(rows), "mask": mask}


def probe(model, batch, tmp_path, threads=2):
    shape = model.shape
    keys = {"num_layers": shape.num_layers, "hidden_size": shape.hidden_size,
            "num_attention_heads": shape.num_attention_heads, "ffn_hidden_size": shape.ffn_hidden_size,
            "crossattn_emb_size": shape.crossattn_emb_size, "adaln_rank": shape.adaln_rank}
    tensors = {f"param.{name}": value.detach() for name, value in model.named_parameters()}
    return run_probe("dit_probe", {**tensors, **batch}, keys, tmp_path, threads=str(threads))


def reference(model, batch):
    dtype = next(model.parameters()).dtype
    q, kv = batch["tokens"].tolist(), batch["rows"].tolist()
    network = lambda x, c_noise: model(x.to(dtype), c_noise, batch["text"].to(dtype), batch["positions"], q, kv)
    loss, denoised, output = edm_loss(network, batch["latent"], batch["noise"], batch["sigma"], batch["tokens"],
                                      batch["mask"])
    loss.backward()
    found = {"network": output, "denoised": denoised, "loss": loss}
    found.update({f"grad.{n}": p.grad for n, p in model.named_parameters() if p.grad is not None})
    return found


def relative_error(actual, expected):
    expected = expected.detach().double()
    return ((actual.double() - expected).norm() / expected.norm().clamp_min(1e-30)).item()


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_loss_and_every_gradient_agree(shape, pack, tmp_path):
    model, batch = example(SHAPES[shape], PACKS[pack], torch.float32)
    ours, theirs = probe(model, batch, tmp_path), reference(model, batch)
    assert ours.keys() == theirs.keys() and len(ours) == len(list(model.parameters())) + 2
    errors = {name: relative_error(ours[name], value) for name, value in theirs.items()}
    assert max(errors.values()) < 1e-5, sorted(errors.items(), key=lambda e: -e[1])[:5]


@pytest.mark.parametrize("pack", ["one sample", "unequal samples"])
def test_bfloat16_is_as_near_to_float32_as_eager_pytorch(pack, tmp_path):
    shape = SHAPES["head width 40"]
    exact_model, batch = example(shape, PACKS[pack], torch.bfloat16)
    exact = reference(Dit.to(exact_model, torch.float32), batch)
    model, _ = example(shape, PACKS[pack], torch.bfloat16)
    ours = probe(model, batch, tmp_path)
    theirs = reference(model, batch)
    for name, value in exact.items():
        eager = relative_error(theirs[name], value)
        assert relative_error(ours[name], value) < max(1.5 * eager, 0.02), name


def test_the_result_does_not_depend_on_the_number_of_threads(tmp_path):
    model, batch = example(SHAPES["head width 72"], PACKS["unequal samples"], torch.float32)
    one, two = probe(model, batch, tmp_path, threads=1), probe(model, batch, tmp_path, threads=2)
    assert max(relative_error(two[name], value) for name, value in one.items()) < 1e-6
