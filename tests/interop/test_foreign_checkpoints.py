"""Checkpoints that PyTorch wrote: distributed ones of one and several processes, shards of ranks, state dicts."""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file

from conftest import ENVIRONMENT, TINY, run

pytestmark = pytest.mark.filterwarnings("ignore")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


def exported(source, folder, *words, ranks=1):
    run("dfm_consolidate", source, folder / "out.safetensors", *words, ranks=ranks)
    return load_file(folder / "out.safetensors")


def some_weights():
    generator = torch.Generator().manual_seed(7)
    return {"embedder.weight": torch.randn(13, 7, generator=generator),
            "decoder.layers.0.norm.bias": torch.randn(31, generator=generator).bfloat16(),
            "decoder.layers.1.norm.bias": torch.randn(5, 3, 2, generator=generator).half(),
            "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4), "counts": torch.arange(9)}


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_distributed_checkpoint_of_one_process(tmp_path, ranks):
    weights = some_weights()
    state = {"model": weights, "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}, "lr": 1e-3}, "iteration": 5}
    dcp.save(state, checkpoint_id=tmp_path / "dcp", no_dist=True)
    assert_same(exported(tmp_path / "dcp", tmp_path, ranks=ranks), weights)
    assert "all right" in run("dfm_consolidate", tmp_path / "dcp", "--verify", ranks=ranks).stdout


# Each process saves its part of every tensor, cut along rows, along columns, or both. They are forked from one that has
# loaded torch already.
SHARDED = """
import os, sys, torch, torch.distributed as dist, torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import distribute_tensor, Shard

def save(rank, size, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    mesh = init_device_mesh("cpu", (size,))
    grid = init_device_mesh("cpu", (2, size // 2)) if size % 2 == 0 else None
    state = {}
    for i, (name, tensor) in enumerate(sorted(torch.load(f"{folder}/whole.pt").items())):
        if tensor.dim() < 2:
            state[name] = tensor
        elif i % 3 == 2 and grid is not None:
            state[name] = distribute_tensor(tensor, grid, [Shard(0), Shard(1)])
        else:
            state[name] = distribute_tensor(tensor, mesh, [Shard(i % 2)])
    dcp.save(state, checkpoint_id=f"{folder}/dcp")
    dist.barrier()

size, folder = int(sys.argv[1]), sys.argv[2]
children = []
for rank in range(size):
    child = os.fork()
    if child == 0:
        save(rank, size, folder)
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children))
"""


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_a_distributed_checkpoint_of_several_processes(tmp_path, processes):
    generator = torch.Generator().manual_seed(processes)
    weights = {f"w{i}": torch.randn(37 + i, 41, 3, generator=generator).to([torch.float32, torch.bfloat16][i % 2])
               for i in range(6)} | {"bias": torch.randn(11)}
    torch.save(weights, tmp_path / "whole.pt")
    (tmp_path / "save.py").write_text(SHARDED)
    done = subprocess.run([sys.executable, tmp_path / "save.py", str(processes), tmp_path], env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "dcp").glob("*.distcp"))) == processes
    for ranks in (1, 2):
        assert_same(exported(tmp_path / "dcp", tmp_path, ranks=ranks), weights)


def test_megatrons_stacks_of_layers_become_layers(tmp_path):
    stack = torch.randn(3, 8, 4)
    dcp.save({"decoder.layers.mlp.linear_fc1.weight": stack, "decoder.final_norm.weight": torch.ones(4)},
             checkpoint_id=tmp_path / "iter_0000012", no_dist=True)
    expected = {f"decoder.layers.{i}.mlp.linear_fc1.weight": stack[i].clone() for i in range(3)}
    assert_same(exported(tmp_path / "iter_0000012", tmp_path), expected | {"decoder.final_norm.weight": torch.ones(4)})


@pytest.mark.parametrize("ranks", [1, 2])
def test_rank_shards_are_merged_as_the_users_script_merges_them(tmp_path, ranks):
    (tmp_path / "shards").mkdir()
    for i in range(11):  # more than ten: 10 comes after 9, not after 1
        shard = {f"layer.{i}.weight": torch.full((5, 3), float(i)), "shared": torch.full((4,), float(i)),
                 f"layer.{i}._extra_state": torch.zeros(3, dtype=torch.uint8)}
        torch.save(shard, tmp_path / f"shards/model_rank_{i}.pt")
    merged = {}
    for i in range(11):
        merged.update(torch.load(tmp_path / f"shards/model_rank_{i}.pt"))
    expected = {name: tensor for name, tensor in merged.items() if "_extra_state" not in name}
    assert_same(exported(tmp_path / "shards", tmp_path, ranks=ranks), expected)
    assert float(expected["shared"][0]) == 10
    run("dfm_consolidate", tmp_path / "shards", tmp_path / "model.pth", ranks=ranks)
    assert_same(torch.load(tmp_path / "model.pth", weights_only=True), expected)


def test_a_missing_shard_is_named(tmp_path):
    for i in (0, 2):
        torch.save({"w": torch.ones(1)}, tmp_path / f"model_rank_{i}.pt")
    assert "model_rank_1.pt" in run("dfm_consolidate", tmp_path, tmp_path / "x.pth", code=3).stderr


def test_views_transposes_and_shared_storages_keep_their_values(tmp_path):
    base = torch.arange(60.0).view(6, 10)
    state = {"whole": base, "column": base[:, 3], "transposed": base.t(), "part": base[2:4], "expanded": torch.ones(1).expand(5),
             "old": torch.nn.Parameter(base.clone())}
    torch.save(state, tmp_path / "model.pth")
    assert_same(exported(tmp_path / "model.pth", tmp_path), {k: v.detach().contiguous().clone() for k, v in state.items()})


def test_the_old_format_of_torch_is_read(tmp_path):
    weights = some_weights()
    torch.save(weights, tmp_path / "model.pth", _use_new_zipfile_serialization=False)
    assert_same(exported(tmp_path / "model.pth", tmp_path), weights)


def test_a_moving_average_beside_the_model_is_told_apart(tmp_path):
    torch.save({"model": {"w": torch.zeros(2)}, "ema": {"w": torch.ones(2)}, "optimizer": {"lr": 1}}, tmp_path / "m.pth")
    assert_same(exported(tmp_path / "m.pth", tmp_path), {"w": torch.zeros(2)})
    assert_same(exported(tmp_path / "m.pth", tmp_path, "--ema"), {"w": torch.ones(2)})


def test_types_are_converted_as_torch_converts_them(tmp_path):
    bits = torch.arange(-(1 << 31), 1 << 31, 4_294_967 * 3, dtype=torch.int64).to(torch.int32).view(torch.float32)
    finite = bits[torch.isfinite(bits)]
    weights = {"w": finite, "counts": torch.arange(5)}
    torch.save(weights, tmp_path / "m.pth")
    for dtype in ("bfloat16", "float16"):
        expected = {"w": finite.to(getattr(torch, dtype)), "counts": torch.arange(5)}
        assert_same(exported(tmp_path / "m.pth", tmp_path, "--dtype", dtype), expected)


def test_a_run_moves_over_and_goes_on_training(trained, weights, shards, tmp_path):
    """From the state dict alone, as PyTorch saves it, to a run of dfm_train and pictures."""
    torch.save({"model": load_file(weights)}, tmp_path / "theirs.pt")
    model = [word for word in TINY if word.startswith("model.")]
    assert "configuration" in run("dfm_consolidate", tmp_path / "theirs.pt", tmp_path / "run", "--ranks", 2, code=2).stderr
    run("dfm_consolidate", tmp_path / "theirs.pt", tmp_path / "run", "--ranks", 2, *model)
    printed = run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.load={tmp_path / 'run'}",
                  f"checkpoint.save={tmp_path / 'new'}", "train.train_iters=1", "optimizer.lr=0").stderr
    assert "resuming from" in printed and "at iteration 0" in printed
    assert_same(exported(tmp_path / "new", tmp_path), load_file(weights))
    run("dfm_consolidate", tmp_path / "theirs.pt", tmp_path / "w.safetensors", *model)
    run("dfm_sample", tmp_path / "w.safetensors", "--prompt", "x", "--height", 32, "--width", 32, "sample.num_steps=2",
        "--output", tmp_path / "out")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/dfm_consolidate_was_here",)


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path):
    torch.save({"w": torch.ones(2), "x": Evil()}, tmp_path / "a.pth")
    (tmp_path / "dcp").mkdir()
    (tmp_path / "dcp/.metadata").write_bytes(pickle.dumps(Evil()))
    for source in ("a.pth", "dcp"):
        assert "system is not allowed" in run("dfm_consolidate", tmp_path / source, tmp_path / "x.pth", code=3).stderr
    assert not os.path.exists("/tmp/dfm_consolidate_was_here")


def metadata_with(tmp_path, change):
    """A sound distributed checkpoint whose metadata are then changed."""
    dcp.save({"w": torch.ones(8, 4)}, checkpoint_id=tmp_path / "dcp", no_dist=True)
    metadata = pickle.loads((tmp_path / "dcp/.metadata").read_bytes())
    change(metadata)
    (tmp_path / "dcp/.metadata").write_bytes(pickle.dumps(metadata))
    return tmp_path / "dcp"


def larger(metadata):
    metadata.state_dict_metadata["w"].size = torch.Size([1 << 40, 1 << 20])


def gap(metadata):
    metadata.state_dict_metadata["w"].size = torch.Size([9, 4])


def outside(metadata):
    metadata.state_dict_metadata["w"].chunks[0].sizes = torch.Size([9, 4])


def negative(metadata):
    metadata.state_dict_metadata["w"].chunks[0].offsets = torch.Size([-1, 0])


def twice(metadata):
    item = metadata.state_dict_metadata["w"]
    item.chunks.append(item.chunks[0])
    item.size = torch.Size([16, 4])


def elsewhere(metadata):
    for info in metadata.storage_data.values():
        info.relative_path = "../../etc/passwd"


def behind_the_end(metadata):
    for info in metadata.storage_data.values():
        info.length = 1 << 60


def another_type(metadata):
    metadata.state_dict_metadata["w"].properties.dtype = torch.float64


def nowhere(metadata):
    metadata.storage_data.clear()


@pytest.mark.parametrize("change", [larger, gap, outside, negative, twice, elsewhere, behind_the_end, another_type, nowhere])
def test_metadata_that_do_not_fit_are_a_data_error(tmp_path, change):
    done = run("dfm_consolidate", metadata_with(tmp_path, change), tmp_path / "x.pth", code=3)
    assert ".metadata" in done.stderr or ".distcp" in done.stderr
    assert not (tmp_path / "x.pth").exists() and not (tmp_path / ".x.pth.partial").exists()


@pytest.mark.parametrize("kind", ["pth", "dcp", "metadata"])
def test_damaged_files_never_crash_and_never_pass_for_sound_ones(tmp_path, kind):
    rng = np.random.default_rng(int(os.environ.get("DFM_TEST_SEED", "11")))
    weights = some_weights()
    if kind == "pth":
        source = target = tmp_path / "m.pth"
        torch.save(weights, source)
    else:
        source = tmp_path / "dcp"
        dcp.save(weights, checkpoint_id=source, no_dist=True)
        target = source / (".metadata" if kind == "metadata" else "__0_0.distcp")
    sound = target.read_bytes()
    for _ in range(15):
        damaged = bytearray(sound)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(len(sound))]
        else:
            damaged[rng.integers(len(sound))] ^= 1 << int(rng.integers(8))
        target.write_bytes(damaged)
        done = subprocess.run([os.environ.get("DFM_BIN_DIR", "build/bin") + "/dfm_consolidate", source, tmp_path / "x.safetensors"],
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 2, 3, 4, 5), done.stderr
        if done.returncode == 0 and kind != "metadata":  # a bit that means nothing: padding, or a name
            for tensor in load_file(tmp_path / "x.safetensors").values():
                assert any(tensor.dtype == t.dtype and torch.equal(tensor, t) for t in weights.values())


def test_a_flipped_bit_in_the_elements_is_found(tmp_path):
    torch.save({"w": torch.zeros(100_000)}, tmp_path / "m.pth")
    with zipfile.ZipFile(tmp_path / "m.pth") as archive:
        entry = next(i for i in archive.infolist() if i.filename.endswith("data/0"))
    content = bytearray((tmp_path / "m.pth").read_bytes())
    content[entry.header_offset + 100_000] ^= 1
    (tmp_path / "m.pth").write_bytes(content)
    assert "CRC" in run("dfm_consolidate", tmp_path / "m.pth", tmp_path / "x.pth", ranks=2, code=3).stderr
    assert not (tmp_path / "x.pth").exists()
    run("dfm_consolidate", tmp_path / "m.pth", "--verify", code=5)


def test_the_exported_configuration_is_what_was_given(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "m.pth")
    run("dfm_consolidate", tmp_path / "m.pth", tmp_path / "x.pth", "model.num_layers=3")
    run("dfm_consolidate", tmp_path / "x.pth", tmp_path / "x.safetensors")
    from safetensors import safe_open

    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert json.loads(file.metadata()["dfm.config"])["model.num_layers"] == "3"
