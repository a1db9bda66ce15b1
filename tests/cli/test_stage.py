"""Training from copies on a node's own disk: the same numbers, and clear ends where something is in the way."""

import json
import signal
from pathlib import Path

import pytest
from conftest import TINY, run, start


def losses(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.fixture(scope="module")
def unstaged(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unstaged")
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=6")
    return folder


@pytest.mark.parametrize("mode", ["broadcast", "partition"])
@pytest.mark.parametrize("ranks", [1, 2])
def test_staged_training_sees_the_same_numbers(mode, ranks, shards, unstaged, tmp_path):
    done = run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path}/run", "train.train_iters=6",
               f"stage.mode={mode}", f"stage.scratch={tmp_path}/scratch", ranks=ranks)
    assert losses(tmp_path / "run") == pytest.approx(losses(unstaged), rel=1e-4 if ranks > 1 else 0, abs=0)
    assert "staged 9 copies" in done.stderr
    assert list((tmp_path / "scratch").iterdir()) == []


def test_kept_copies_are_what_is_read(shards, unstaged, tmp_path):
    words = [*TINY, f"dataset.path={shards}", "train.train_iters=6", "stage.mode=broadcast", "stage.keep=true",
             f"stage.scratch={tmp_path}/scratch"]
    run("dfm_train", *words, f"checkpoint.save={tmp_path}/first")
    again = run("dfm_train", *words, f"checkpoint.save={tmp_path}/second")
    assert "; 9 copies (" in again.stderr
    assert losses(tmp_path / "second") == losses(unstaged)
    copies = sorted(p.name for p in (tmp_path / "scratch").rglob("*.tar"))
    assert copies == sorted(p.name for p in shards.glob("*.tar"))[:4]


def test_without_a_scratch_the_error_names_where_it_was_looked_for(shards, tmp_path):
    env = {name: "" for name in ("DFM_SCRATCH", "SLURM_TMPDIR", "LOCAL_SCRATCH", "SCRATCH_LOCAL", "LSCRATCH", "JOBFS")}
    done = run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path}", "stage.mode=partition",
               'stage.scratch_variables=["DFM_NOT_SET"]', code=2, env=env)
    assert "DFM_NOT_SET" in done.stderr and "stage.scratch" in done.stderr


def test_a_scratch_without_room_ends_with_code_4_or_is_passed_over(shards, unstaged, tmp_path):
    words = [*TINY, f"dataset.path={shards}", "train.train_iters=6", f"stage.scratch={tmp_path}/scratch",
             "stage.margin=1"]
    refused = run("dfm_train", *words, f"checkpoint.save={tmp_path}/a", "stage.mode=broadcast", code=4)
    assert "stage.mode=partition" in refused.stderr
    passed = run("dfm_train", *words, f"checkpoint.save={tmp_path}/b", "stage.mode=partition")
    assert "read from the shared file system" in passed.stderr
    assert losses(tmp_path / "b") == losses(unstaged)


def start_staged(shards, place):
    return start("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={place}/run", "train.train_iters=1000000",
                 "stage.mode=broadcast", f"stage.scratch={place}/scratch")


def test_a_signal_while_staging_ends_with_code_75(shards, tmp_path):
    process = start_staged(shards, tmp_path)
    process.wait_for_text("staging")
    process.send_signal(signal.SIGTERM)
    process.ended(75)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_shards_that_are_open_are_the_copies(shards, tmp_path):
    process = start_staged(shards, tmp_path)
    process.wait_for_text("iteration .*1000000")
    opened = [link.readlink() for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    process.terminate()
    process.ended(75)
    shards_open = [path for path in opened if path.suffix == ".tar"]
    assert shards_open and all(path.is_relative_to(tmp_path / "scratch") for path in shards_open)
