"""An independent PyTorch DiT, written from the specification (spec/dfm.md sections 1 and 2), for live comparisons
and as the peer of the benchmark. Plain eager PyTorch: no custom kernels, no tricks."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class DitShape:
    num_layers: int = 12
    hidden_size: int = 384
    num_attention_heads: int = 6
    ffn_hidden_size: int = 1536
    crossattn_emb_size: int = 1024
    adaln_rank: int = 256
    features: int = 64
    max_frames: int = 34
    rows: int = 40
    columns: int = 40
    layernorm_epsilon: float = 1e-5


def axis_embedding(positions, width):
    omega = 10000.0 ** (-torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angles = positions.to(torch.float64)[:, None] * omega
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def position_table(shape):
    h = shape.hidden_size
    t, y, x = torch.meshgrid(torch.arange(shape.max_frames), torch.arange(shape.rows), torch.arange(shape.columns),
                             indexing="ij")
    parts = [axis_embedding(t.flatten(), h // 4), axis_embedding(x.flatten(), 3 * h // 8),
             axis_embedding(y.flatten(), 3 * h // 8)]
    return torch.cat(parts, dim=1).float()


def sinusoid(values, width, downscale):
    half = width // 2
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / (half - downscale))
    angles = values.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.eps).to(x.dtype)


def attend(q, k, v, q_lengths, kv_lengths):
    """q [S, H, d], k and v [T, H, d]; sample i attends to its own rows only."""
    outputs = []
    for a, b, c in zip(q.split(q_lengths), k.split(kv_lengths), v.split(kv_lengths)):
        a, b, c = (t.transpose(0, 1).unsqueeze(0) for t in (a, b, c))
        outputs.append(F.scaled_dot_product_attention(a, b, c).squeeze(0).transpose(0, 1))
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0]


class SelfAttention(nn.Module):
    def __init__(self, s):
        super().__init__()
        h, self.heads = s.hidden_size, s.num_attention_heads
        self.linear_qkv = nn.Linear(h, 3 * h, bias=False)
        self.linear_proj = nn.Linear(h, h, bias=False)
        self.q_layernorm = RmsNorm(h // self.heads, s.layernorm_epsilon)
        self.k_layernorm = RmsNorm(h // self.heads, s.layernorm_epsilon)

    def forward(self, x, lengths):
        q, k, v = self.linear_qkv(x).view(x.shape[0], self.heads, 3, -1).unbind(2)
        y = attend(self.q_layernorm(q), self.k_layernorm(k), v, lengths, lengths)
        return self.linear_proj(y.reshape(x.shape))


class CrossAttention(nn.Module):
    def __init__(self, s):
        super().__init__()
        h, self.heads = s.hidden_size, s.num_attention_heads
        self.linear_q = nn.Linear(h, h, bias=False)
        self.linear_kv = nn.Linear(s.crossattn_emb_size, 2 * h, bias=False)
        self.linear_proj = nn.Linear(h, h, bias=False)
        self.q_layernorm = RmsNorm(h // self.heads, s.layernorm_epsilon)
        self.k_layernorm = RmsNorm(h // self.heads, s.layernorm_epsilon)

    def forward(self, x, text, q_lengths, kv_lengths):
        q = self.linear_q(x).view(x.shape[0], self.heads, -1)
        k, v = self.linear_kv(text).view(text.shape[0], self.heads, 2, -1).unbind(2)
        y = attend(self.q_layernorm(q), self.k_layernorm(k), v, q_lengths, kv_lengths)
        return self.linear_proj(y.reshape(x.shape))


class Mlp(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.linear_fc1 = nn.Linear(s.hidden_size, s.ffn_hidden_size, bias=False)
        self.linear_fc2 = nn.Linear(s.ffn_hidden_size, s.hidden_size, bias=False)

    def forward(self, x):
        return self.linear_fc2(F.gelu(self.linear_fc1(x)))


class AdaLn(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.ln = nn.LayerNorm(s.hidden_size, eps=s.layernorm_epsilon, elementwise_affine=False)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(s.hidden_size, s.adaln_rank, bias=False),
                                              nn.Linear(s.adaln_rank, 9 * s.hidden_size, bias=False))

    def forward(self, time, lengths):
        per_token = lambda m: m.repeat_interleave(lengths, dim=0) if len(lengths) > 1 else m
        return [per_token(m) for m in self.adaLN_modulation(time).chunk(9, dim=1)]

    def modulated(self, x, shift, scale):
        return self.ln(x) * (1 + scale) + shift


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.full_self_attention = SelfAttention(s)
        self.cross_attention = CrossAttention(s)
        self.mlp = Mlp(s)
        self.adaLN = AdaLn(s)

    def forward(self, x, time, text, q_lengths, kv_lengths):
        counts = torch.tensor(q_lengths)
        shift1, scale1, gate1, shift2, scale2, gate2, shift3, scale3, gate3 = self.adaLN(time, counts)
        x = x + gate1 * self.full_self_attention(self.adaLN.modulated(x, shift1, scale1), q_lengths)
        x = x + gate2 * self.cross_attention(self.adaLN.modulated(x, shift2, scale2), text, q_lengths, kv_lengths)
        return x + gate3 * self.mlp(self.adaLN.modulated(x, shift3, scale3))


def embedder(width):
    layers = nn.Sequential()
    layers.add_module("linear_1", nn.Linear(width, width))
    layers.add_module("silu", nn.SiLU())
    layers.add_module("linear_2", nn.Linear(width, width))
    return layers


class Dit(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.shape = s
        h = s.hidden_size
        self.x_embedder = nn.Linear(s.features, h)
        self.t_embedder = nn.ModuleList([nn.Identity(), embedder(h)])
        self.fps_embedder = nn.ModuleList([nn.Identity(), embedder(256)])
        self.affline_norm = RmsNorm(h, 1e-6)  # built and counted, never used (spec/dfm.md section 1.2)
        self.decoder = nn.Module()
        self.decoder.layers = nn.ModuleList(Block(s) for _ in range(s.num_layers))
        self.final_layer_linear = nn.Linear(h, s.features)
        self.register_buffer("table", position_table(s), persistent=False)

    def forward(self, x, c_noise, text, pos_ids, q_lengths, kv_lengths, fps=30.0):
        """x [S, features], c_noise [n], text [T, c], pos_ids [S, 3] (t, row, column)."""
        s, dtype = self.shape, self.x_embedder.weight.dtype
        row = (pos_ids[:, 0] * s.rows + pos_ids[:, 1]) * s.columns + pos_ids[:, 2]
        hidden = self.x_embedder(x) + self.table[row].to(dtype)
        time = self.t_embedder[1](sinusoid(c_noise, s.hidden_size, 0).to(dtype))
        rate = self.fps_embedder[1](sinusoid(torch.full_like(c_noise, fps), 256, 1).to(dtype))
        width = min(256, s.hidden_size)
        time = time + F.pad(rate[:, :width], (0, s.hidden_size - width))
        for block in self.decoder.layers:
            hidden = block(hidden, time, text, q_lengths, kv_lengths)
        return self.final_layer_linear(hidden)


SIGMA_DATA = 0.5


def edm_denoise(network, x_t, sigma, tokens_per_sample):
    """The estimate of x0 (spec/dfm.md section 2.1); sigma [n], x_t [S, features]."""
    s2 = sigma**2 + SIGMA_DATA**2
    per_token = lambda v: v.repeat_interleave(tokens_per_sample)[:, None]
    c_skip, c_out, c_in = SIGMA_DATA**2 / s2, sigma * SIGMA_DATA / s2.sqrt(), 1 / s2.sqrt()
    output = network(per_token(c_in) * x_t, sigma.log() / 4)
    return per_token(c_skip) * x_t + per_token(c_out) * output.float(), output


def edm_loss(network, latent, noise, sigma, tokens_per_sample, mask):
    x0 = latent * SIGMA_DATA
    x_t = x0 + sigma.repeat_interleave(tokens_per_sample)[:, None] * noise
    denoised, output = edm_denoise(network, x_t, sigma, tokens_per_sample)
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    token_loss = weight.repeat_interleave(tokens_per_sample) * ((x0 - denoised) ** 2).mean(dim=1)
    return (token_loss * mask).sum() / mask.sum(), denoised, output
