"""An independent PyTorch MovieGen, written from the specification (spec/nemo_diffusion.md sections 1.3 and 1.5), for live
comparisons: one sample at a time, no packing, einsum attention."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Shape:
    layers: int
    hidden: int
    heads: int
    groups: int
    ffn: int
    text: int
    frames: int = 4
    height: int = 12
    width: int = 16
    cross_residual: str = "nemo"

    @property
    def head(self):
        return self.hidden // self.heads

    def keys(self):
        """The model.* keys of dfm."""
        return {"family": "moviegen", "num_layers": self.layers, "hidden_size": self.hidden, "num_attention_heads": self.heads,
                "num_query_groups": self.groups, "ffn_hidden_size": self.ffn, "crossattn_emb_size": self.text,
                "max_frames": self.frames, "max_img_h": self.height, "max_img_w": self.width, "cross_residual": self.cross_residual}


def rms(x, weight, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def sinusoid(value, width, shift):
    """In float32, as all implementations take it."""
    half = width // 2
    angles = value * torch.exp(-math.log(10000) * torch.arange(half) / (half - shift))
    return torch.cat([torch.sin(angles), torch.cos(angles)])


def attend(q, k, v):
    """[S, H, d], [T, H, d], [T, H, d]."""
    scores = torch.einsum("shd,thd->hst", q, k) / math.sqrt(q.shape[-1])
    return torch.einsum("hst,thd->shd", scores.softmax(-1), v).flatten(1)


def bare(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


class Attention(nn.Module):
    def __init__(self, s, cross):
        super().__init__()
        q = s.heads * s.head
        if cross:
            self.linear_q, self.linear_kv = bare(s.hidden, q), bare(s.text, 2 * q)
        else:
            self.linear_qkv = bare(s.hidden, q + 2 * s.groups * s.head)
        self.linear_proj = bare(q, s.hidden)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.self_attention, self.cross_attention = Attention(s, False), Attention(s, True)
        self.mlp = nn.ModuleDict({"linear_fc1": bare(s.hidden, 2 * s.ffn), "linear_fc2": bare(s.ffn, s.hidden)})
        self.adaLN = nn.ModuleDict({"ln": nn.RMSNorm(s.hidden), "adaLN_modulation": nn.Sequential(nn.SiLU(), bare(s.hidden, 6 * s.hidden))})

    def self_attend(self, x):
        s, queries, keys, values = self.s, [], [], []
        each = s.heads // s.groups
        for group in self.self_attention.linear_qkv(x).split((each + 2) * s.head, dim=1):
            parts = group.split(s.head, dim=1)
            queries += parts[:each]
            keys += [parts[each]] * each
            values += [parts[each + 1]] * each
        heads = [torch.stack(each, dim=1) for each in (queries, keys, values)]
        return self.self_attention.linear_proj(attend(*heads))

    def cross_attend(self, x, text):
        s = self.s
        q = self.cross_attention.linear_q(x).view(-1, s.heads, s.head)
        kv = self.cross_attention.linear_kv(text).view(-1, s.heads, 2, s.head)
        return self.cross_attention.linear_proj(attend(q, kv[:, :, 0], kv[:, :, 1]))

    def forward(self, x, time, text, position):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN["adaLN_modulation"](time).chunk(6)
        norm = lambda y: rms(y, self.adaLN["ln"].weight, 1e-5)
        x = x + position
        x = x + gate1 * self.self_attend(norm(x) * (1 + scale1) + shift1)
        y = self.cross_attend(x, text)
        if self.s.cross_residual == "paper":
            x = y = x + y
        gate, up = self.mlp["linear_fc1"](norm(y) * (1 + scale2) + shift2).chunk(2, dim=1)
        return x + gate2 * self.mlp["linear_fc2"](F.silu(gate) * up)


class ScalarEmbedder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return self.linear_2(F.silu(self.linear_1(x)))


class MovieGen(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.x_embedder, self.final_layer_linear = nn.Linear(64, s.hidden), nn.Linear(s.hidden, 64)
        self.pos_embedder = nn.ModuleDict({"emb_t": nn.Embedding(s.frames, s.hidden), "emb_h": nn.Embedding(s.height // 2, s.hidden),
                                           "emb_w": nn.Embedding(s.width // 2, s.hidden)})
        self.t_embedder = nn.Sequential(nn.Identity(), ScalarEmbedder(s.hidden))
        self.fps_embedder = nn.Sequential(nn.Identity(), ScalarEmbedder(256))
        self.affline_norm = nn.RMSNorm(s.hidden)
        self.decoder = nn.ModuleDict({"layers": nn.ModuleList(Block(s) for _ in range(s.layers))})

    def forward(self, tokens, positions, level, text):
        time = self.t_embedder(sinusoid(level, self.s.hidden, 0).to(tokens.dtype))
        fps = self.fps_embedder(sinusoid(torch.tensor(30.0), 256, 1).to(tokens.dtype))
        time = rms(time + F.pad(fps, (0, self.s.hidden - 256)), self.affline_norm.weight, 1e-6)
        position = sum(self.pos_embedder[name](positions[:, i]) for i, name in enumerate(("emb_t", "emb_h", "emb_w")))
        x = self.x_embedder(tokens)
        for block in self.decoder["layers"]:
            x = block(x, time, text, position)
        return self.final_layer_linear(x)
