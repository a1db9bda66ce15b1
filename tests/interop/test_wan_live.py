"""The C++ WAN against diffusers' WanTransformer3DModel, live: the output and every gradient."""

import pytest
import torch
from diffusers import WanTransformer3DModel

from probes import assert_close, run_probe

SIZES = {
    "head width 16": dict(layers=2, heads=3, width=16, ffn=80, text_dim=24),
    "head width 44": dict(layers=1, heads=2, width=44, ffn=101, text_dim=40),
    "head width 128, one head": dict(layers=3, heads=1, width=128, ffn=64, text_dim=16),
}
# Latent frames, rows and columns, timestep, and text rows of the samples of a pack.
PACKS = {
    "one sample": [((3, 8, 10), 999, 7)],
    "unequal samples": [((2, 6, 4), 3, 5), ((1, 10, 12), 731, 1), ((5, 2, 2), 500, 11)],
}
TEXT_LEN = 12


def theirs_of(size):
    torch.manual_seed(3)
    model = WanTransformer3DModel(num_attention_heads=size["heads"], attention_head_dim=size["width"], text_dim=size["text_dim"],
                                  freq_dim=32, ffn_dim=size["ffn"], num_layers=size["layers"])
    for name, parameter in model.named_parameters():  # all alive, the norms, too
        torch.nn.init.normal_(parameter, 1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.1)
    return model


def side_by_side(parts, heads):
    """Rows of each head together: q, k and v of the first head, then of the second."""
    return torch.stack([part.unflatten(0, (heads, -1)) for part in parts], 1).flatten(0, 2)


def our_names(state, heads):
    """From diffusers' names to those of the system that dfm replaces."""
    ours = {}
    for end in ("weight", "bias"):
        ours[f"patch_embedding.{end}"] = state[f"patch_embedding.{end}"]
        ours[f"head.head.{end}"] = state[f"proj_out.{end}"]
        ours[f"time_proj.{end}"] = state[f"condition_embedder.time_proj.{end}"]
        for i in (1, 2):
            ours[f"time_embedder.linear_{i}.{end}"] = state[f"condition_embedder.time_embedder.linear_{i}.{end}"]
            ours[f"text_embedding.{2 * i - 2}.{end}"] = state[f"condition_embedder.text_embedder.linear_{i}.{end}"]
    ours["head.modulation"] = state["scale_shift_table"]
    for i in range(sum(name.endswith("norm2.weight") for name in state)):
        block, layer = f"blocks.{i}.", f"decoder.layers.{i}."
        ours[layer + "adaLN.modulation"] = state[block + "scale_shift_table"]
        for end in ("weight", "bias"):
            part = lambda name: state[block + name + "." + end]
            ours[layer + "norm3." + end] = part("norm2")
            ours[layer + "mlp.linear_fc1." + end] = part("ffn.net.0.proj")
            ours[layer + "mlp.linear_fc2." + end] = part("ffn.net.2")
            ours[layer + "full_self_attention.linear_qkv." + end] = side_by_side(
                [part("attn1.to_q"), part("attn1.to_k"), part("attn1.to_v")], heads)
            ours[layer + "cross_attention.linear_q." + end] = part("attn2.to_q")
            ours[layer + "cross_attention.linear_kv." + end] = side_by_side([part("attn2.to_k"), part("attn2.to_v")], heads)
            for ours_is, theirs_is in (("full_self_attention", "attn1"), ("cross_attention", "attn2")):
                ours[f"{layer}{ours_is}.linear_proj.{end}"] = part(theirs_is + ".to_out.0")
        for ours_is, theirs_is in (("full_self_attention", "attn1"), ("cross_attention", "attn2")):
            for which in "qk":
                ours[f"{layer}{ours_is}.{which}_layernorm.weight"] = state[f"{block}{theirs_is}.norm_{which}.weight"]
    return ours


def tokens_of(latent):
    """[C, T, H, W] to [tokens, features]: the channel is fastest inside a token (spec/dfm.md section 4.4)."""
    c, t, h, w = latent.shape
    return latent.view(c, t, h // 2, 2, w // 2, 2).permute(1, 2, 4, 3, 5, 0).reshape(-1, 4 * c)


def positions(grid):
    axes = torch.meshgrid(*[torch.arange(n) for n in (grid[0], grid[1] // 2, grid[2] // 2)], indexing="ij")
    return torch.stack([axis.flatten() for axis in axes], dim=1)


@pytest.mark.parametrize("pack, pads", [("one sample", False), ("unequal samples", True)])
@pytest.mark.parametrize("size", SIZES)
def test_the_output_and_every_gradient_agree(size, pack, pads, tmp_path):
    size, pack = SIZES[size], PACKS[pack]
    model = theirs_of(size)
    latents = [torch.randn(16, *grid) for grid, _, _ in pack]
    texts = [torch.randn(rows, size["text_dim"]) for _, _, rows in pack]
    directions = [torch.randn(16, *grid) for grid, _, _ in pack]

    outputs = []
    for latent, text, direction, (_, time, rows) in zip(latents, texts, directions, pack):
        shown = torch.nn.functional.pad(text, (0, 0, 0, TEXT_LEN - rows)) if pads else text
        output = model(latent[None], torch.tensor([time]), shown[None], return_dict=False)[0][0]
        (output * direction).sum().backward()
        outputs.append(tokens_of(output.detach()))
    expected = {"output": torch.cat(outputs)}
    gradients = our_names({name: p.grad for name, p in model.named_parameters()}, size["heads"])
    expected.update({f"grad.{name}": value for name, value in gradients.items()})

    weights = our_names({name: p.detach() for name, p in model.named_parameters()}, size["heads"])
    hidden = size["heads"] * size["width"]
    keys = {"family": "wan", "num_layers": size["layers"], "hidden_size": hidden, "num_attention_heads": size["heads"],
            "ffn_hidden_size": size["ffn"], "crossattn_emb_size": hidden, "text_dim": size["text_dim"], "freq_dim": 32,
            "layernorm_epsilon": "1e-6", **({"text_len": TEXT_LEN} if pads else {})}
    tensors = {**{f"param.{name}": value.contiguous() for name, value in weights.items()},
               "input": torch.cat([tokens_of(latent) for latent in latents]),
               "direction": torch.cat([tokens_of(direction) for direction in directions]),
               "level": torch.tensor([float(time) for _, time, _ in pack]), "text": torch.cat(texts),
               "positions": torch.cat([positions(grid) for grid, _, _ in pack]),
               "tokens": torch.tensor([grid[0] * grid[1] * grid[2] // 4 for grid, _, _ in pack]),
               "rows": torch.tensor([rows for _, _, rows in pack])}
    assert_close(run_probe("backbone_probe", tensors, keys, tmp_path), expected)
