"""Pretrained codecs and text encoders on a GPU: what they give on the CPU."""

import io
import pickle
import tarfile

import numpy as np
import pytest
import torch

from conftest import run
from emulated import on_gpus
from pipeline_peer import save_pipeline, write_pictures

CAPTIONS = ["the cat sleeps", "a blue river and a red house"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    save_pipeline(folder)
    return [f"encoders.codec=wan:{folder}", f"encoders.text=umt5:{folder}"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), CAPTIONS)


def tensors(folder):
    """By file of a sample, as float32."""
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member).read()
                if member.name.endswith(".pth"):
                    found[member.name] = torch.load(io.BytesIO(content)).float().numpy()
                if member.name.endswith(".pickle"):
                    found[member.name] = pickle.loads(content).astype(np.float32)
    return found


@pytest.mark.parametrize("ranks", [1, 2])
def test_shards_made_on_gpus_hold_the_numbers_of_the_cpu(keys, pictures, ranks, tmp_path):
    printed = on_gpus("dfm_prepare", pictures, tmp_path / "gpu", *keys, ranks=ranks).stderr
    assert "cuda:" in printed
    run("dfm_prepare", pictures, tmp_path / "cpu", *keys, "--device", "cpu")
    gpu, cpu = tensors(tmp_path / "gpu"), tensors(tmp_path / "cpu")
    assert gpu.keys() == cpu.keys() and len(cpu) == 2 * len(CAPTIONS)
    for name, values in cpu.items():
        np.testing.assert_allclose(gpu[name], values, rtol=2**-7, atol=1e-3)


def test_a_gpu_that_is_not_there_is_refused(keys, pictures, tmp_path):
    assert "no GPU can be used" in run("dfm_prepare", pictures, tmp_path / "out", *keys, "--device", "cuda", code=2).stderr
