"""A checkpoint that Megatron-Core wrote in its torch_dist format. Live ones: two tensor-parallel ranks, equal layers as one stack."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from conftest import run

WRITER = Path(__file__).parent / "megatron_writer.py"
GOLDEN = Path(__file__).parent.parent / "golden/megatron/torch_dist"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("megatron")
    subprocess.run([sys.executable, "-W", "ignore", WRITER, folder], check=True, timeout=240, capture_output=True)
    return folder


def whole_tensors(folder):
    """Every tensor from the parts that the processes held."""
    parts = [part for path in sorted(folder.glob("expected_*.pt")) for part in torch.load(path)]
    shapes = {}
    for key, offsets, data in parts:
        lead = len(offsets) - data.dim()  # a layer's place in its stack
        ends = [begin + size for begin, size in zip(offsets, [1] * lead + list(data.shape))]
        shapes[key] = [max(pair) for pair in zip(ends, shapes.get(key, ends))]
    whole = {key: torch.zeros(shape) for key, shape in shapes.items()}
    for key, offsets, data in parts:
        lead = len(offsets) - data.dim()
        box = whole[key][tuple(offsets[:lead])]
        box[tuple(slice(begin, begin + size) for begin, size in zip(offsets[lead:], data.shape))] = data
    return whole


def with_layers_apart(whole):
    stack = "decoder.layers."
    apart = {}
    for key, tensor in whole.items():
        if key.startswith(stack):
            apart.update({f"{stack}{i}.{key[len(stack):]}": layer for i, layer in enumerate(tensor)})
        else:
            apart[key] = tensor
    return apart


@pytest.mark.parametrize("ranks", [1, 3])
def test_every_weight_of_a_megatron_checkpoint_arrives(saved, tmp_path, ranks):
    run("dfm_consolidate", saved / "torch_dist", tmp_path / "out.safetensors", ranks=ranks)
    found = load_file(tmp_path / "out.safetensors")
    expected = with_layers_apart(whole_tensors(saved))
    assert found.keys() == expected.keys()
    assert len(found) > 30
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def test_a_megatron_checkpoint_is_verified_and_its_other_entries_are_named(saved):
    done = run("dfm_consolidate", saved / "torch_dist", "--verify")
    assert "all right" in done.stdout
    assert "_extra_state" in done.stderr and "are no weights and are left out" in done.stderr


def test_a_checkpoint_of_the_versions_with_flattened_moments_is_read(tmp_path):
    run("dfm_consolidate", GOLDEN, tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    assert {name: tensor.tolist() for name, tensor in found.items()} == {"w": torch.arange(60.0).reshape(6, 10).tolist()}
