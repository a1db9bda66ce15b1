"""A family of dfm and an independent model in PyTorch, on the same random weights and packs."""

import torch

from probes import assert_close, run_probe


def positions(grid):
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*[torch.arange(n) for n in grid], indexing="ij")], dim=1)


def enliven(model, scale=0.06):
    """All parameters take part, those that start at zero, too."""
    for name, parameter in model.named_parameters():
        norm = name.endswith(("norm.weight", "ln.weight"))
        torch.nn.init.normal_(parameter, 1.0 if norm else 0.0, scale)


def random_samples(pack, features, text_width):
    return [(torch.randn(grid[0] * grid[1] * grid[2], features), positions(grid), torch.tensor(level), torch.randn(rows, text_width))
            for grid, level, rows in pack]


def expected_of(model, samples, direction):
    """The output and every gradient, in float64, so that the errors are dfm's alone. The model takes one sample, or, as `pack`, all."""
    model = model.double()
    samples = [(tokens.double(), where, level, text.double()) for tokens, where, level, text in samples]
    outputs = model.pack(samples) if hasattr(model, "pack") else [model(*each) for each in samples]
    (torch.cat(outputs) * direction).sum().backward()
    return {"output": torch.cat(outputs).detach(), **{f"grad.{name}": each.grad for name, each in model.named_parameters()}}


def assert_agrees(model, pack, keys, folder):
    """pack: grid of patches, level and text rows of each sample."""
    torch.manual_seed(5)
    enliven(model)
    samples = random_samples(pack, 4 * keys.get("in_channels", 16), keys["crossattn_emb_size"])
    tensors = {f"param.{name}": value.detach().clone() for name, value in model.named_parameters()}
    tokens, where, levels, texts = zip(*samples)
    direction = torch.randn(torch.cat(tokens).shape)
    tensors |= {"input": torch.cat(tokens), "positions": torch.cat(where), "level": torch.stack(levels), "text": torch.cat(texts),
                "tokens": torch.tensor([len(each) for each in tokens]), "rows": torch.tensor([len(each) for each in texts]),
                "direction": direction}
    expected = expected_of(model, samples, direction)
    assert_close(run_probe("backbone_probe", tensors, keys, folder), expected)
