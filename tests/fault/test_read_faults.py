"""Shards that cannot be read for a while, or for ever: tried again, then left out within a budget, then an error."""

import errno
import json
import shutil

import pytest

from conftest import run, TINY
from faults import below

DATA, STORAGE = 3, 4


@pytest.fixture
def data(shards, tmp_path):
    """A copy of the shards: four of them with four samples each for training."""
    return shutil.copytree(shards, tmp_path / "data")


def train(data, folder, *words, **options):
    return run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={folder}", "train.train_iters=6",
               "dataset.read_attempts=2", *words, **options).stderr


def losses(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def manifest(folder):
    step = int((folder / "latest_checkpointed_iteration.txt").read_text())
    return json.loads((folder / f"iter_{step:07}/manifest.json").read_text())["checkpoint"]


def events(folder, name):
    return [event for event in map(json.loads, (folder / "journal.jsonl").read_text().splitlines()) if event["event"] == name]


EIO = f"errno {errno.EIO}"
ONE_SHARD = "*shard*1.tar"


def test_a_read_that_fails_once_is_tried_again_and_changes_nothing(data, tmp_path):
    train(data, tmp_path / "undisturbed")
    printed = train(data, tmp_path / "run", env=below(data, "r", "*.tar", EIO, first=5, count=1))
    assert "attempt 2 of 2 follows" in printed
    assert losses(tmp_path / "run") == losses(tmp_path / "undisturbed")


def test_short_reads_change_nothing(data, tmp_path):
    train(data, tmp_path / "undisturbed")
    train(data, tmp_path / "run", env=below(data, "r", "*.tar", "short"))
    assert losses(tmp_path / "run") == losses(tmp_path / "undisturbed")


def a_shard(data):
    return f"*{sorted(data.glob('*.tar'))[1].name}"


@pytest.mark.parametrize("ranks", [1, 2])
def test_what_stays_unreadable_is_left_out_once_and_remembered(data, tmp_path, ranks):
    folder, unreadable = tmp_path / "run", below(data, "r", a_shard(data), EIO)
    printed = train(data, folder, "dataset.max_bad_samples=4", env=unreadable, ranks=ranks)  # two epochs and a bit
    assert printed.count("left out: ") == 4 and "Input/output error" in printed
    state = manifest(folder)
    assert len(set(state["quarantine"])) == 4 and len(state["bad_samples"]) == 4
    assert len(events(folder, "bad_sample")) == 4
    # The next start, with another number of ranks, does not read them again, though it could.
    printed = train(data, folder, "dataset.max_bad_samples=4", "train.train_iters=12", ranks=3 - ranks)
    assert "left out" not in printed
    assert manifest(folder)["quarantine"] == state["quarantine"]


def test_the_budget_ends_the_run(data, tmp_path):
    printed = train(data, tmp_path / "run", "dataset.max_bad_samples=3", env=below(data, "r", a_shard(data), EIO), code=DATA, ranks=2)
    assert "Input/output error" in printed and "dataset.max_bad_samples=3" in printed


def test_a_shard_without_permission_is_not_tried_again(data, tmp_path):
    printed = train(data, tmp_path / "run", env=below(data, "o", a_shard(data), f"errno {errno.EACCES}"), code=DATA)
    assert "Permission denied" in printed and "attempt" not in printed


def test_data_only_has_the_same_budget(data):
    words = [*TINY, "--data-only", f"dataset.path={data}", "train.train_iters=6", "dataset.read_attempts=1"]
    unreadable = below(data, "r", a_shard(data), EIO)
    assert "4 samples could not be read" in run("dfm_train", *words, "dataset.max_bad_samples=4", env=unreadable, ranks=2).stderr
    assert "Input/output error" in run("dfm_train", *words, "dataset.max_bad_samples=3", env=unreadable, ranks=2, code=DATA).stderr


def test_a_full_scratch_disk_is_told_from_the_shards(data, tmp_path):
    (tmp_path / "scratch").mkdir()
    full = below(tmp_path, "w", f"{tmp_path}/scratch/*", f"errno {errno.ENOSPC}")
    printed = train(data, tmp_path / "run", "stage.mode=broadcast", f"stage.scratch={tmp_path}/scratch", env=full, code=STORAGE)
    assert "No space left on device" in printed and f"{tmp_path}/scratch" in printed
