"""The benchmark's peer: the same training step of the same model in eager PyTorch. Prints a JSON line."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
from dit_reference import Dit, DitShape, edm_loss  # noqa: E402


class MasterWeights:
    """AdamW on float32 copies of bfloat16 parameters, as mixed-precision training does."""

    def __init__(self, parameters, **settings):
        self.parameters = parameters
        self.masters = [p.detach().float().requires_grad_(True) for p in parameters]
        self.optimizer = torch.optim.AdamW(self.masters, **settings)

    def step(self):
        for parameter, master in zip(self.parameters, self.masters):
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for parameter, master in zip(self.parameters, self.masters):
                parameter.copy_(master)


class FullPrecision:
    def __init__(self, parameters, **settings):
        self.parameters = parameters
        self.optimizer = torch.optim.AdamW(parameters, **settings)

    def step(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--frames", type=int, required=True)
    options.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    options.add_argument("--steps", type=int, required=True)
    options.add_argument("--threads", type=int, required=True)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dtype = torch.float32 if options.precision == "fp32" else torch.bfloat16
    model = Dit(DitShape()).to(dtype)  # DiT-S
    settings = {"lr": 1e-4, "betas": (0.9, 0.95), "eps": 1e-5, "weight_decay": 0.033}
    optimizer = (FullPrecision if options.precision == "fp32" else MasterWeights)(list(model.parameters()), **settings)
    axes = torch.meshgrid(torch.arange(options.frames), torch.arange(32), torch.arange(32), indexing="ij")
    positions = torch.stack([axis.flatten() for axis in axes], dim=1)
    tokens = positions.shape[0]
    latent, text, mask = torch.randn(tokens, 64), torch.randn(512, 1024).to(dtype), torch.ones(tokens)
    seconds = []
    for _ in range(options.steps):
        begun = time.perf_counter()
        sigma, noise = torch.randn(1).exp(), torch.randn(tokens, 64)
        network = lambda x, c_noise: model(x.to(dtype), c_noise, text, positions, [tokens], [512])
        loss, _, _ = edm_loss(network, latent, noise, sigma, torch.tensor([tokens]), mask)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
