"""An independent PyTorch EC-DiT, written from the specification (spec/nemo_diffusion.md section 1.7), for live comparisons:
MovieGen's blocks with experts that take their tokens one by one. Samples go through it side by side, since experts may choose
among the tokens of all of them."""

from dataclasses import dataclass
from math import floor

import torch
from torch import nn
from torch.nn import functional as F

from moviegen_reference import Block, MovieGen, Shape, bare, rms, sinusoid


@dataclass
class ExpertShape(Shape):
    experts: int = 4
    factor: float = 2.0
    group: str = "sample"

    def keys(self):
        return {**super().keys(), "num_moe_experts": self.experts, "moe_expert_capacity_factor": self.factor,
                "moe_routing_group": self.group}


class Experts(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s, self.router = s, bare(s.hidden, s.experts)
        self.experts = nn.ModuleList(nn.ModuleDict({"linear_fc1": bare(s.hidden, 2 * s.ffn), "linear_fc2": bare(s.ffn, s.hidden)})
                                     for _ in range(s.experts))

    def routed(self, x):
        scores, out = self.router(x).softmax(1), [torch.zeros_like(row) for row in x]
        capacity = min(len(x), max(1, floor(len(x) * self.s.factor / self.s.experts)))
        for e, expert in enumerate(self.experts):
            ranking = sorted(range(len(x)), key=lambda token: (-scores[token, e].item(), token))
            for token in ranking[:capacity]:
                gate, up = expert["linear_fc1"](x[token]).chunk(2)
                out[token] = out[token] + scores[token, e] * expert["linear_fc2"](F.silu(gate) * up)
        return torch.stack(out)

    def forward(self, samples):
        if self.s.group == "sample":
            return [self.routed(x) for x in samples]
        return self.routed(torch.cat(samples)).split([len(x) for x in samples])


class ExpertBlock(Block):
    def __init__(self, s):
        super().__init__(s)
        self.mlp = Experts(s)

    def forward(self, xs, times, texts, positions):
        norm = lambda y: rms(y, self.adaLN["ln"].weight, 1e-5)
        residuals, inputs, gates = [], [], []
        for x, time, text, position in zip(xs, times, texts, positions):
            shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN["adaLN_modulation"](time).chunk(6)
            x = x + position
            x = x + gate1 * self.self_attend(norm(x) * (1 + scale1) + shift1)
            y = self.cross_attend(x, text)
            if self.s.cross_residual == "paper":
                x = y = x + y
            residuals.append(x)
            inputs.append(norm(y) * (1 + scale2) + shift2)
            gates.append(gate2)
        return [x + gate * y for x, gate, y in zip(residuals, gates, self.mlp(inputs))]


class EcDit(MovieGen):
    def __init__(self, s):
        super().__init__(s)
        self.decoder = nn.ModuleDict({"layers": nn.ModuleList(ExpertBlock(s) for _ in range(s.layers))})

    def time(self, level, dtype):
        time = self.t_embedder(sinusoid(level, self.s.hidden, 0).to(dtype))
        fps = self.fps_embedder(sinusoid(torch.tensor(30.0), 256, 1).to(dtype))
        return rms(time + F.pad(fps, (0, self.s.hidden - 256)), self.affline_norm.weight, 1e-6)

    def position(self, where):
        return sum(self.pos_embedder[name](where[:, i]) for i, name in enumerate(("emb_t", "emb_h", "emb_w")))

    def pack(self, samples):
        tokens, positions, levels, texts = zip(*samples)
        xs = [self.x_embedder(each) for each in tokens]
        times = [self.time(level, tokens[0].dtype) for level in levels]
        places = [self.position(each) for each in positions]
        for block in self.decoder["layers"]:
            xs = block(xs, times, texts, places)
        return [self.final_layer_linear(x) for x in xs]
