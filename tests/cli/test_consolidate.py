"""dfm_consolidate: its outputs read by the Python libraries, listing, verifying, and what it refuses."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from conftest import BIN, ENVIRONMENT, TINY, TINY_MOCK, command, run, start


def stored(checkpoint, kind="weights"):
    """Tensors of a dfm checkpoint, read by h5py."""
    import h5py

    pieces, shapes = {}, {}
    for path in sorted(checkpoint.glob("rank_*.h5")):
        with h5py.File(path) as file:
            for name, data in file.get(kind, {}).items():
                tensor, begin = name.rsplit("@", 1)
                pieces.setdefault(tensor, []).append((int(begin), data[()]))
                shapes[tensor] = tuple(data.attrs["global_shape"])
    return {name: np.concatenate([p for _, p in sorted(parts, key=lambda x: x[0])]).reshape(shapes[name])
            for name, parts in pieces.items()}


def numpy_of(tensors):
    return {name: tensor.float().numpy() for name, tensor in tensors.items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_torch_loads_the_pth_file_safely(trained, tmp_path):
    import torch

    run("dfm_consolidate", trained, tmp_path / "model.pth")
    loaded = torch.load(tmp_path / "model.pth", weights_only=True)
    assert "decoder.layers.1.full_self_attention.linear_qkv.weight" in loaded
    assert_same(numpy_of(loaded), stored(trained / "iter_0000004"))


def test_the_zip_of_the_pth_file_is_sound(trained, tmp_path):
    import zipfile

    run("dfm_consolidate", trained, tmp_path / "model.pth", ranks=2)
    with zipfile.ZipFile(tmp_path / "model.pth") as archive:
        assert archive.testzip() is None


def test_h5py_reads_one_dataset_a_parameter(trained, tmp_path):
    import h5py

    run("dfm_consolidate", trained, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert_same({name: data[()] for name, data in file.items()}, stored(trained / "iter_0000004"))
        assert json.loads(file.attrs["dfm.config"])["model.num_layers"] == "2"


@pytest.mark.parametrize("dtype, torch_name", [("bfloat16", "bfloat16"), ("float16", "float16")])
def test_small_types_are_proper_in_every_format(trained, tmp_path, dtype, torch_name):
    import h5py
    import torch
    from safetensors.torch import load_file

    expected = {name: torch.from_numpy(values).to(getattr(torch, torch_name)).float().numpy()
                for name, values in stored(trained / "iter_0000004", "ema").items()}
    for name in ("a.safetensors", "a.pth", "a.h5"):
        run("dfm_consolidate", trained, tmp_path / name, "--dtype", dtype, "--ema")
    assert_same(numpy_of(load_file(tmp_path / "a.safetensors")), expected)
    assert_same(numpy_of(torch.load(tmp_path / "a.pth", weights_only=True)), expected)
    with h5py.File(tmp_path / "a.h5") as file:
        assert_same({k: v[()].astype(np.float32) for k, v in file.items()}, expected)
        assert all(v.id.get_type().get_size() == 2 for v in file.values())


def test_parts_with_an_index_are_laid_out_as_hugging_face_does(trained, tmp_path):
    from safetensors.torch import load_file

    run("dfm_consolidate", trained, tmp_path / "parts", "--max-part-size", "600kB".upper())
    index = json.loads((tmp_path / "parts/model.safetensors.index.json").read_text())
    names = sorted(set(index["weight_map"].values()))
    assert len(names) > 2 and names[0] == f"model-00001-of-{len(names):05}.safetensors"
    assert sorted(os.listdir(tmp_path / "parts")) == [*names, "model.safetensors.index.json"]
    loaded = {}
    for name in names:
        part = load_file(tmp_path / "parts" / name)
        assert all(index["weight_map"][tensor] == name for tensor in part)
        assert len(part) == 1 or sum(t.nbytes for t in part.values()) <= 600_000
        loaded |= part
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in loaded.values())
    assert_same(numpy_of(loaded), stored(trained / "iter_0000004"))


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.h5", "parts"])
def test_any_number_of_ranks_writes_the_same_bytes(trained, tmp_path, name):
    written = []
    for ranks in (1, 2, 3):
        target = tmp_path / str(ranks) / name
        run("dfm_consolidate", trained, target, "--dtype", "bfloat16", ranks=ranks)
        files = [target] if target.is_file() else sorted(target.iterdir())
        written.append([(file.name, file.read_bytes()) for file in files])
    assert written[0] == written[1] == written[2]


def test_another_layout_goes_on_with_the_same_bits(trained, shards, tmp_path):
    words = [*TINY, f"dataset.path={shards}", "train.train_iters=6", "train.ema_decay=0.9"]
    run("dfm_consolidate", trained, tmp_path / "three", "--ranks", 3, ranks=2)
    assert (tmp_path / "three/latest_checkpointed_iteration.txt").read_text().strip() == "4"
    run("dfm_consolidate", tmp_path / "three", "--verify")
    for kind in ("weights", "exp_avg", "exp_avg_sq", "ema"):
        assert_same(stored(tmp_path / "three/iter_0000004", kind), stored(trained / "iter_0000004", kind))
    for name, source in (("a", trained), ("b", tmp_path / "three")):
        printed = run("dfm_train", *words, f"checkpoint.load={source}", f"checkpoint.save={tmp_path / name}").stderr
        assert "resuming from" in printed
    for kind in ("weights", "exp_avg", "exp_avg_sq", "ema"):
        assert_same(stored(tmp_path / "b/iter_0000006", kind), stored(tmp_path / "a/iter_0000006", kind))


def test_a_checkpoint_is_never_replaced(trained, tmp_path):
    run("dfm_consolidate", trained, tmp_path / "run", "--ranks", 2)
    printed = run("dfm_consolidate", trained, tmp_path / "run", "--ranks", 3, code=2).stderr
    assert "already" in printed and len(list((tmp_path / "run/iter_0000004").glob("rank_*"))) == 2
    assert "step 4" in run("dfm_consolidate", trained, tmp_path / "iter_0000009", code=2).stderr


@pytest.mark.parametrize("words, lock", [
    (["model.pth"], ".model.pth.in_use"),
    (["parts/", "--max-part-size", "1MB"], ".parts.in_use"),
    (["run", "--ranks", 2], "run/.in_use"),
])
def test_an_output_that_another_program_writes_is_refused(trained, tmp_path, words, lock):
    (tmp_path / lock).parent.mkdir(exist_ok=True)
    with (tmp_path / lock).open("w") as held:
        held.write(f"{socket.gethostname()}, process 1")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        printed = run("dfm_consolidate", trained, *words, ranks=2, code=4, cwd=tmp_path).stderr
        assert f"is in use by another program ({socket.gethostname()}, process 1)" in printed
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and not path.samefile(tmp_path / lock)]
    run("dfm_consolidate", trained, *words, cwd=tmp_path)
    assert not (tmp_path / lock).exists()


def test_a_run_keeps_a_checkpoint_that_is_being_read(tmp_path):
    words = ["dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", "checkpoint.save_interval=1", "checkpoint.most_recent_k=1"]
    run(*words, "train.train_iters=1")
    with (tmp_path / "iter_0000001/manifest.json").open() as read:
        fcntl.flock(read, fcntl.LOCK_SH)
        assert "iter_0000001 is being read by another program" in run(*words, "train.train_iters=3").stderr
        assert sorted(path.name for path in tmp_path.glob("iter_*")) == ["iter_0000001", "iter_0000003"]
    run(*words, "train.train_iters=4")
    assert [path.name for path in tmp_path.glob("iter_*")] == ["iter_0000004"]


def test_the_list_says_what_is_valid_and_why_not(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run/iter_0000002/rank_00000.h5").unlink()
    (tmp_path / "run/iter_0000009").mkdir()
    lines = run("dfm_consolidate", tmp_path / "run", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["step", "9", "4", "2"]
    assert " unfinished " in lines[1] and " yes" in lines[2] and "rank_00000.h5 is missing" in lines[3]
    rows = json.loads(run("dfm_consolidate", tmp_path / "run", "--list", "--json", ranks=2).stdout)
    assert [(row["step"], row["state"]) for row in rows] == [(9, "unfinished"), (4, "valid"), (2, "damaged")]


def test_the_list_shows_the_grid_and_the_reason_of_the_save(shards, tmp_path):
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path}", "train.train_iters=2",
        "checkpoint.save_interval=1", ranks=2)
    header, *lines = run("dfm_consolidate", tmp_path, "--list").stdout.splitlines()
    assert header.split()[-4:] == ["reason", "valid", "why", "not"]
    assert [line.split()[-3:] for line in lines] == [["1x1x1x2", "final", "yes"], ["1x1x1x2", "interval", "yes"]]
    rows = json.loads(run("dfm_consolidate", tmp_path, "--list", "--json").stdout)
    assert [(row["grid"], row["reason"]) for row in rows] == [("1x1x1x2", "final"), ("1x1x1x2", "interval")]


def flip_a_bit(path, place=0.5):
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("ranks", [1, 2])
def test_verify_finds_a_flipped_bit(trained, tmp_path, ranks):
    shutil.copytree(trained, tmp_path / "run")
    run("dfm_consolidate", tmp_path / "run", "--verify", ranks=ranks)
    flip_a_bit(tmp_path / "run/iter_0000002/rank_00000.h5")
    done = run("dfm_consolidate", tmp_path / "run", "--verify", ranks=ranks, code=5)
    assert "checksum" in done.stdout
    run("dfm_consolidate", tmp_path / "run/iter_0000004", "--verify", ranks=ranks)


def test_a_damaged_checkpoint_is_not_exported_but_the_one_before_it_is(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    flip_a_bit(tmp_path / "run/iter_0000004/rank_00000.h5")
    printed = run("dfm_consolidate", tmp_path / "run", tmp_path / "a.safetensors").stderr
    assert "cannot be used" in printed and "iter_0000002" in printed
    run("dfm_consolidate", tmp_path / "run/iter_0000004", tmp_path / "b.safetensors", code=5)
    assert not (tmp_path / "b.safetensors").exists()


def test_a_dry_run_writes_nothing_and_tells_the_size(trained, tmp_path):
    printed = run("dfm_consolidate", trained, tmp_path / "out/a.safetensors", "--dry-run", ranks=2).stdout
    assert not (tmp_path / "out").exists()
    run("dfm_consolidate", trained, tmp_path / "out/a.safetensors")
    assert f"{(tmp_path / 'out/a.safetensors').stat().st_size:,}" in printed


@pytest.mark.parametrize("words, code", [
    (["x.bin"], 2),
    (["x.pth", "--format", "onnx"], 2),
    (["x.pth", "--max-memory", "1MiB"], 2),
    (["x.pth", "--max-memory", "lots"], 2),
    (["x.pth", "--ranks", "2"], 2),
    (["x.pth", "--list"], 2),
    (["x.pth", "--verify"], 2),
    (["x.pth", "--json"], 2),
    ([], 2),
])
def test_wrong_options_are_usage_errors(trained, tmp_path, words, code):
    run("dfm_consolidate", trained, *words, code=code, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


def test_parts_are_read_again(trained, tmp_path):
    run("dfm_consolidate", trained, tmp_path / "parts", "--max-part-size", "300KB")
    run("dfm_consolidate", tmp_path / "parts", tmp_path / "a.safetensors", ranks=2)
    run("dfm_consolidate", trained, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    next((tmp_path / "parts").glob("model-00001*")).unlink()
    run("dfm_consolidate", tmp_path / "parts", tmp_path / "c.safetensors", code=4)


def test_what_else_lies_in_a_folder_is_not_lost(trained, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/notes.txt").write_text("mine")
    assert "notes.txt" in run("dfm_consolidate", trained, tmp_path / "parts", code=2).stderr
    assert (tmp_path / "parts/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("step", [2, 4])
def test_a_file_of_a_checkpoint_is_not_replaced(trained, tmp_path, step, ranks):
    root = shutil.copytree(trained, tmp_path / "run")
    piece = root / f"iter_{step:07}/rank_00000.h5"
    before = piece.read_bytes()
    printed = run("dfm_consolidate", root / "iter_0000004", piece, ranks=ranks, code=2).stderr
    assert str(piece.parent) in printed and f"write beside it: {root / 'rank_00000.h5'}" in printed
    assert piece.read_bytes() == before
    assert "is a checkpoint" in run("dfm_consolidate", root, piece.parent / "x.pth", "--dry-run", code=2).stderr
    run("dfm_consolidate", root, "--verify")


def test_parts_are_replaced_as_a_whole(trained, tmp_path):
    run("dfm_consolidate", trained, tmp_path / "parts", "--max-part-size", "500KB")
    run("dfm_consolidate", trained, tmp_path / "parts")
    assert sorted(os.listdir(tmp_path / "parts")) == ["model-00001-of-00001.safetensors",
                                                      "model.safetensors.index.json"]
    assert os.listdir(tmp_path) == ["parts"]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A .pth file with one tensor of 512 MiB and a small one."""
    import torch

    file = tmp_path_factory.mktemp("large") / "large.pth"
    torch.save({"large": torch.arange(128 << 20, dtype=torch.int32).view(torch.float32), "small": torch.ones(3)}, file)
    yield file
    file.unlink()


# A child's peak begins with its parent's memory, so the parent is an interpreter that has loaded nothing.
MEASURE = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)")


def peak_mib(words):
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, *words], env=ENVIRONMENT, check=True, capture_output=True,
                          text=True)
    return float(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.h5"])
def test_memory_stays_below_the_bound_for_one_tensor_that_is_much_larger(large, tmp_path, name):
    target = tmp_path / name
    assert peak_mib(command("dfm_consolidate", large, target, "--max-memory", "50MiB", "--dtype", "bfloat16")) < 50
    assert target.stat().st_size > 256 << 20
    target.unlink()


def test_a_stop_signal_ends_resumable_and_leaves_nothing(large, tmp_path):
    process = start("dfm_consolidate", large, tmp_path / "a.pth", "--dtype", "float16")
    process.wait_until((tmp_path / ".a.pth.partial").exists)
    process.send_signal(signal.SIGTERM)
    process.ended(75)
    assert os.listdir(tmp_path) == []


def test_a_stop_signal_is_heard_while_files_are_made(trained, tmp_path):
    process = start("dfm_consolidate", trained, tmp_path / "many", "--ranks", 99999)
    process.wait_until(lambda: list((tmp_path / "many").glob(".iter_*/rank_00009.h5")))
    process.send_signal(signal.SIGTERM)
    process.ended(75)
    assert list((tmp_path / "many").iterdir()) == []


def test_help_needs_no_libtorch():
    linked = subprocess.run(["ldd", BIN / "dfm_consolidate"], capture_output=True, text=True).stdout
    assert "libtorch" not in linked
