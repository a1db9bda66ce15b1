"""The samplers of flow matching against diffusers' schedulers, live, step by step, on a velocity that both compute."""

import subprocess

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from safetensors.torch import load_file, save_file

from conftest import BIN, ENVIRONMENT


def velocity(x, timestep):
    return torch.sin(x) * (1 + timestep / 1000) + x / 4


def ours(noise, sampler, steps, shift, tmp_path):
    save_file({"noise": noise}, tmp_path / "in.safetensors",
              metadata={"sampler": sampler, "steps": str(steps), "shift": str(shift)})
    subprocess.run([BIN / "flow_probe", tmp_path / "in.safetensors", tmp_path / "out.safetensors"], env=ENVIRONMENT, check=True,
                   timeout=120)
    return load_file(tmp_path / "out.safetensors")


def unipc(steps, shift):
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)
    scheduler.set_timesteps(steps)
    return scheduler


def euler(steps, shift):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=(np.arange(steps, 0, -1) / steps * (1 - 1 / 1000)).tolist())
    return scheduler


@pytest.mark.parametrize("shift", [1.0, 5.0])
@pytest.mark.parametrize("steps", [2, 3, 20, 50])
@pytest.mark.parametrize("make", [unipc, euler])
def test_every_step_is_that_of_diffusers(make, steps, shift, tmp_path):
    noise = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(steps))
    found = ours(noise, make.__name__, steps, shift, tmp_path)
    scheduler = make(steps, shift)
    assert torch.allclose(found["sigmas"], scheduler.sigmas.double(), atol=1e-6)
    assert (found["timesteps"] - scheduler.timesteps.double()).abs().max() <= (0 if make is unipc else 1)
    x = noise
    for i, timestep in enumerate(scheduler.timesteps):
        x = scheduler.step(velocity(x, found["timesteps"][i]), timestep, x, return_dict=False)[0].double()
        # diffusers keeps its levels, and Euler its states, in float32.
        assert ((found["trace"][i] - x).norm() / x.norm()).item() < 1e-4, f"step {i}"
