"""The peer of the benchmark: training steps of the same blocks in PyTorch, eager or compiled. Prints step_seconds=NUMBER.

As an experienced user writes them: bf16 parameters with fp32 master weights in a fused AdamW, fused attention, one sample.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_UP, MEASURED = 3, 6
SIZES = {"dit_s": (384, 6, 1536, 1024), "dit_7b": (3072, 24, 12288, 1024), "wan_14b": (5120, 40, 13824, 5120)}


def attend(q, k, v):
    """Of [tokens, heads, width]."""
    q, k, v = (t.transpose(0, 1).unsqueeze(0) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).squeeze(0).transpose(0, 1).flatten(1)


def modulated(x, shift, scale):
    return F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift


class Dit(nn.Module):
    """adaLN-Zero with low rank, self attention with head norms, cross-attention, MLP."""

    def __init__(self, hidden, heads, ffn, text):
        super().__init__()
        self.heads, head = heads, hidden // heads
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden, bias=False), nn.Linear(hidden, hidden, bias=False)
        self.q, self.kv = nn.Linear(hidden, hidden, bias=False), nn.Linear(text, 2 * hidden, bias=False)
        self.cross_out = nn.Linear(hidden, hidden, bias=False)
        self.up, self.down = nn.Linear(hidden, ffn, bias=False), nn.Linear(ffn, hidden, bias=False)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden, 256, bias=False), nn.Linear(256, 9 * hidden, bias=False))
        self.norms = nn.ModuleList(nn.RMSNorm(head, eps=1e-5) for _ in range(4))

    def forward(self, x, time_embedding, text, _):
        shift1, scale1, gate1, shift2, scale2, gate2, shift3, scale3, gate3 = self.modulation(time_embedding).chunk(9, -1)
        q, k, v = self.qkv(modulated(x, shift1, scale1)).unflatten(1, (self.heads, 3, -1)).unbind(2)
        x = x + gate1 * self.out(attend(self.norms[0](q), self.norms[1](k), v))
        q = self.q(modulated(x, shift2, scale2)).unflatten(1, (self.heads, -1))
        k, v = self.kv(text).unflatten(1, (self.heads, 2, -1)).unbind(2)
        x = x + gate2 * self.cross_out(attend(self.norms[2](q), self.norms[3](k), v))
        return x + gate3 * self.down(F.gelu(self.up(modulated(x, shift3, scale3))))


def rotated(x, rotation):
    cosine, sine = rotation
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2).to(x.dtype)


class Wan(nn.Module):
    """WAN 2.1: modulation table, self attention with norms over all heads and rotation, cross-attention with a norm, MLP."""

    def __init__(self, hidden, heads, ffn, text):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(hidden, hidden) for _ in range(4))
        self.cross_q, self.cross_k, self.cross_v, self.cross_out = (nn.Linear(i, hidden) for i in (hidden, text, text, hidden))
        self.norms = nn.ModuleList(nn.RMSNorm(hidden, eps=1e-6) for _ in range(4))
        self.norm3 = nn.LayerNorm(hidden, eps=1e-6)
        self.up, self.down = nn.Linear(hidden, ffn), nn.Linear(ffn, hidden)
        self.modulation = nn.Parameter(torch.randn(1, 6, hidden) / hidden**0.5)

    def split(self, x):
        return x.unflatten(1, (self.heads, -1))

    def forward(self, x, time_embedding, text, rotation):
        shift1, scale1, gate1, shift2, scale2, gate2 = (self.modulation + time_embedding.unsqueeze(1)).unbind(1)
        y = modulated(x, shift1, scale1)
        q, k = self.split(self.norms[0](self.q(y))), self.split(self.norms[1](self.k(y)))
        x = x + gate1 * self.out(attend(rotated(q, rotation), rotated(k, rotation), self.split(self.v(y))))
        y = self.norm3(x)
        q, k = self.split(self.norms[2](self.cross_q(y))), self.split(self.norms[3](self.cross_k(text)))
        x = x + self.cross_out(attend(q, k, self.split(self.cross_v(text))))
        return x + gate2 * self.down(F.gelu(self.up(modulated(x, shift2, scale2)), approximate="tanh"))


class MasterWeights:
    def __init__(self, parameters, fused):
        self.parameters = parameters
        self.masters = [p.detach().float().requires_grad_(True) for p in parameters]
        self.optimizer = torch.optim.AdamW(self.masters, lr=1e-4, betas=(0.9, 0.95), fused=fused)

    def step(self):
        for parameter, master in zip(self.parameters, self.masters):
            master.grad, parameter.grad = parameter.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(self.parameters, self.masters)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--block", choices=["dit", "wan"], required=True)
    options.add_argument("--recipe", required=True)
    options.add_argument("--tokens", type=int, required=True)
    options.add_argument("--layers", type=int, required=True)
    options.add_argument("--how", choices=["eager", "compile"], required=True)
    options.add_argument("--device", default="cuda")
    options = options.parse_args()
    torch.manual_seed(0)
    device, on_gpu = torch.device(options.device), options.device == "cuda"
    hidden, heads, ffn, text_width = SIZES[options.recipe.rpartition("_")[0]]
    with device:
        blocks = nn.ModuleList({"dit": Dit, "wan": Wan}[options.block](hidden, heads, ffn, text_width) for _ in range(options.layers))
        blocks = blocks.to(torch.bfloat16)
        x, text = torch.randn(options.tokens, hidden).bfloat16(), torch.randn(512, text_width).bfloat16()
        time_embedding = torch.randn(1, hidden).bfloat16()
        angles = torch.rand(options.tokens, 1, hidden // heads // 2)
        rotation = (angles.cos(), angles.sin())
    optimizer = MasterWeights(list(blocks.parameters()), fused=on_gpu)
    run = [torch.compile(block) if options.how == "compile" else block for block in blocks]
    seconds = []
    for _ in range(WARM_UP + MEASURED):
        begun = time.perf_counter()
        y = x
        for block in run:
            y = block(y, time_embedding, text, rotation)
        y.float().pow(2).mean().backward()
        optimizer.step()
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    print(f"step_seconds={statistics.median(seconds[WARM_UP:])}")
    if on_gpu:
        print(f"peak_mib={torch.cuda.max_memory_allocated() / 2**20:.0f}")


if __name__ == "__main__":
    main()
