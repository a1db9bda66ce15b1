"""An independent PyTorch ST-DiT, written from the specification (spec/nemo_diffusion.md section 1.6, definition B), for live
comparisons: one video at a time, as a tensor [frames, places, features] whose axes are attended along with einsum."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from moviegen_reference import ScalarEmbedder, bare, rms, sinusoid


@dataclass
class Shape:
    layers: int
    hidden: int
    heads: int
    ffn: int
    text: int
    rank: int
    channels: int = 4
    eps: float = 1e-6

    @property
    def features(self):
        return self.channels * 4

    def keys(self):
        """The model.* keys of dfm."""
        return {"family": "stdit", "num_layers": self.layers, "hidden_size": self.hidden, "num_attention_heads": self.heads,
                "ffn_hidden_size": self.ffn, "crossattn_emb_size": self.text, "adaln_rank": self.rank,
                "in_channels": self.channels, "layernorm_epsilon": self.eps}


def attend(q, k, v):
    """[B, S, H, d], [B, T, H, d], [B, T, H, d] -> [B, S, H d]."""
    scores = torch.einsum("bshd,bthd->bhst", q, k) / math.sqrt(q.shape[-1])
    return torch.einsum("bhst,bthd->bshd", scores.softmax(-1), v).flatten(2)


def encoded(position, width):
    """Sines, then cosines, in float64."""
    angles = position.double()[:, None] * 10000.0 ** (-torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Attention(nn.Module):
    def __init__(self, s, text=0):
        super().__init__()
        self.heads, self.eps = s.heads, s.eps
        if text:
            self.linear_q, self.linear_kv = bare(s.hidden, s.hidden), bare(text, 2 * s.hidden)
        else:
            self.linear_qkv = bare(s.hidden, 3 * s.hidden)
        self.linear_proj = bare(s.hidden, s.hidden)
        self.q_layernorm, self.k_layernorm = nn.RMSNorm(s.hidden // s.heads), nn.RMSNorm(s.hidden // s.heads)

    def weighted(self, q, k, v):
        return self.linear_proj(attend(rms(q, self.q_layernorm.weight, self.eps), rms(k, self.k_layernorm.weight, self.eps), v))

    def forward(self, x):
        """x [B, S, h]: every sequence of the batch attends to itself."""
        return self.weighted(*self.linear_qkv(x).unflatten(2, (self.heads, 3, -1)).unbind(3))

    def across(self, x, text):
        return self.weighted(self.linear_q(x).unflatten(2, (self.heads, -1)), *self.linear_kv(text).unflatten(2, (self.heads, 2, -1)).unbind(3))


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.full_self_attention, self.cross_attention = Attention(s), Attention(s, s.text)
        self.temporal_self_attention, self.spatial_self_attention = Attention(s), Attention(s)
        self.mlp = nn.ModuleDict({"linear_fc1": bare(s.hidden, s.ffn), "linear_fc2": bare(s.ffn, s.hidden)})
        self.adaLN = nn.ModuleDict({"adaLN_modulation": nn.Sequential(nn.SiLU(), bare(s.hidden, s.rank), bare(s.rank, 15 * s.hidden))})

    def forward(self, x, time, text):
        """x [T, P, h]."""
        frames = x.shape[0]
        parts = iter(self.adaLN["adaLN_modulation"](time).unflatten(0, (5, 3, -1)))

        def branch(x, function):
            shift, scale, gate = next(parts)
            return x + gate * function(F.layer_norm(x, x.shape[-1:], eps=self.s.eps) * (1 + scale) + shift)

        x = branch(x, lambda y: self.full_self_attention(y.flatten(0, 1)[None])[0].unflatten(0, (frames, -1)))
        x = branch(x, lambda y: self.cross_attention.across(y.flatten(0, 1)[None], text[None])[0].unflatten(0, (frames, -1)))
        x = branch(x, lambda y: self.temporal_self_attention(y.transpose(0, 1)).transpose(0, 1))
        x = branch(x, self.spatial_self_attention)
        return branch(x, lambda y: self.mlp["linear_fc2"](F.gelu(self.mlp["linear_fc1"](y))))


class StDit(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.x_embedder, self.final_layer_linear = nn.Linear(s.features, s.hidden), nn.Linear(s.hidden, s.features)
        self.t_embedder = nn.Sequential(nn.Identity(), ScalarEmbedder(s.hidden))
        self.fps_embedder = nn.Sequential(nn.Identity(), ScalarEmbedder(256))
        self.affline_norm = nn.RMSNorm(s.hidden)
        self.decoder = nn.ModuleDict({"layers": nn.ModuleList(Block(s) for _ in range(s.layers))})

    def forward(self, tokens, positions, level, text):
        h = self.s.hidden
        time = self.t_embedder(sinusoid(level, h, 0).to(tokens.dtype))
        fps = self.fps_embedder(sinusoid(torch.tensor(30.0), 256, 1).to(tokens.dtype))
        shared = min(h, 256)
        time = rms(time + F.pad(fps[:shared], (0, h - shared)), self.affline_norm.weight, 1e-6)
        place = torch.cat([encoded(positions[:, 0], h // 4), encoded(positions[:, 2], 3 * h // 8),
                           encoded(positions[:, 1], 3 * h // 8)], dim=1)
        frames = int(positions[:, 0].max()) + 1
        x = (self.x_embedder(tokens) + place.to(tokens.dtype)).unflatten(0, (frames, -1))
        for block in self.decoder["layers"]:
            x = block(x, time, text)
        return self.final_layer_linear(x.flatten(0, 1))
