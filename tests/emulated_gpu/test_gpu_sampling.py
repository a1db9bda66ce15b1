"""dfm_sample on a GPU: the latents of the CPU."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import run
from emulated import on_gpus

WORDS = ["--prompt", "a red picture", "--prompt", "a green picture", "--height", 32, "--width", 32, "sample.num_steps=4",
         "--samples-per-prompt", 2, "--seed", 3]


def latents(folder):
    return {path.name: load_file(path) for path in (folder / "latents").glob("*.safetensors")}


@pytest.mark.parametrize("ranks", [1, 3])
def test_samples_of_a_gpu_are_those_of_the_cpu(weights, tmp_path, ranks):
    on_gpus("dfm_sample", weights, *WORDS, "--output", tmp_path / "gpu", ranks=ranks)
    run("dfm_sample", weights, *WORDS, "--output", tmp_path / "cpu")
    gpu, cpu = latents(tmp_path / "gpu"), latents(tmp_path / "cpu")
    assert gpu.keys() == cpu.keys() and len(cpu) == 4
    for name, tensors in cpu.items():
        for key, values in tensors.items():
            np.testing.assert_allclose(gpu[name][key], values, rtol=1e-3, atol=1e-4)
