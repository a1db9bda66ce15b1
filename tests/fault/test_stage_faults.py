"""Staging where files cannot be read or scratch cannot be written: the same numbers from the shared files, or an end that says why."""

import errno
import json
import shutil

import pytest

from conftest import BIN, run, start, TINY

SHIM = BIN.parent / "lib/libfault_shim.so"
STORAGE, STOPPED = 4, 75
FOREVER = -1
LOG = "fault.log"


def fault(folder, calls, pattern, count, number):
    return {"LD_PRELOAD": str(SHIM), "DFM_FAULT_ROOT": str(folder), "DFM_FAULT_LOG": str(folder.parent / LOG),
            "DFM_FAULT": f"{calls}|{pattern}|1|{count}|-1|errno {number}"}


def losses(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


@pytest.fixture
def data(shards, tmp_path):
    return shutil.copytree(shards, tmp_path / "data")


@pytest.fixture(scope="module")
def undisturbed(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=6")
    return losses(folder)


def train(data, tmp_path, mode, code=0, env=None):
    done = run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path}/run", "train.train_iters=6",
               f"stage.mode={mode}", f"stage.scratch={tmp_path}/scratch", code=code, env=env)
    if env is not None:
        assert (tmp_path / LOG).exists(), "the fault did not strike"
    return done.stderr


def test_a_source_that_stays_unreadable_ends_a_broadcast_with_its_name(data, tmp_path):
    printed = train(data, tmp_path, "broadcast", code=STORAGE, env=fault(data, "r", "*shard*1.tar", FOREVER, errno.EIO))
    assert "1.tar" in printed and "Input/output error" in printed
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_source_that_is_gone_ends_with_its_name_and_a_remedy(data, tmp_path):
    gone = sorted(data.glob("*.tar"))[1]
    gone.unlink()
    printed = train(data, tmp_path, "broadcast", code=STORAGE)
    assert str(gone) in printed and "hint: check the spelling" in printed


@pytest.mark.parametrize("number, text", [(errno.EROFS, "Read-only file system"), (errno.EACCES, "Permission denied")])
def test_scratch_that_cannot_be_written_ends_with_its_name(data, tmp_path, number, text):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    printed = train(data, tmp_path, "partition", code=STORAGE, env=fault(scratch, "mc", "*", FOREVER, number))
    assert str(scratch) in printed and text in printed


def test_a_disk_that_is_full_while_copies_are_written_costs_copies_alone(data, tmp_path, undisturbed):
    (tmp_path / "scratch").mkdir()
    printed = train(data, tmp_path, "partition", env=fault(tmp_path / "scratch", "w", "*.tar.partial", FOREVER, errno.ENOSPC))
    assert "not staged:" in printed and "partial" in printed
    assert losses(tmp_path / "run") == undisturbed


def test_copies_that_are_taken_away_are_read_from_the_shared_files(data, tmp_path):
    process = start("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path}/run", "train.train_iters=1000000",
                    "stage.mode=broadcast", f"stage.scratch={tmp_path}/scratch")
    process.wait_for_text("iteration .*1000000")
    shutil.rmtree(tmp_path / "scratch")
    before = len(losses(tmp_path / "run"))
    process.wait_for_text("iteration +[0-9]{2,}/ *1000000")
    process.terminate()
    process.ended(STOPPED)
    assert len(losses(tmp_path / "run")) > before
