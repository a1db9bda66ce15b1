"""Staging of data that somebody changes meanwhile, and on a disk that fails late: no copy that is not the file, and words that say which."""

import errno
import os
import shutil
import time

import pytest

from conftest import BIN, TINY, run, start

SHIM = BIN.parent / "lib/libfault_shim.so"
DATA, STORAGE = 3, 4
EIO, EROFS = f"errno {errno.EIO}", f"errno {errno.EROFS}"


@pytest.fixture
def place(shards, tmp_path):
    shutil.copytree(shards, tmp_path / "data")
    return tmp_path


def a_shard(place):
    return sorted((place / "data").glob("*.tar"))[1]


def fault(place, calls, pattern, count, action):
    return {"LD_PRELOAD": str(SHIM), "DFM_FAULT_ROOT": str(place), "DFM_FAULT": f"{calls}|{pattern}|1|{count}|-1|{action}",
            "DFM_FAULT_LOG": str(place / "struck")}


def words(place, mode):
    return ["dfm_train", *TINY, f"dataset.path={place}/data", f"checkpoint.save={place}/run", "train.train_iters=2",
            f"stage.mode={mode}", f"stage.scratch={place}/scratch"]


def copies(place):
    return [path for path in (place / "scratch").rglob("*") if path.is_file()]


def grow(shard):
    with open(shard, "ab") as file:
        file.write(bytes(512))


def shrink(shard):
    os.truncate(shard, shard.stat().st_size - 512)


def rewrite(shard):
    os.utime(shard)


def vanish(shard):
    shard.unlink()


CHANGES = [(grow, "has grown while it was staged"), (shrink, "has shrunk while it was staged"),
           (rewrite, "was rewritten while it was staged"), (vanish, "has vanished")]


@pytest.mark.parametrize("change, text", CHANGES)
def test_a_file_that_changes_while_it_is_copied_ends_the_run_and_leaves_no_copy(place, change, text):
    shard, struck = a_shard(place), place / "struck"
    process = start(*words(place, "broadcast"), env=fault(place, "r", shard, 1, "sleep 2000"))
    process.wait_until(struck.exists)  # the first piece is about to be read
    change(shard)
    printed = process.ended(DATA)
    assert f"{shard} {text}" in printed
    assert copies(place) == []


def test_a_file_that_cannot_be_read_for_a_moment_is_tried_again_with_a_word(place):
    printed = run(*words(place, "broadcast"), env=fault(place, "r", a_shard(place), 2, EIO)).stderr
    assert "attempt 3 of 3 follows" in printed and "not staged" not in printed


def test_a_file_without_permission_is_not_tried_again(place):
    denied = fault(place, "o", a_shard(place), -1, f"errno {errno.EACCES}")
    printed = run(*words(place, "broadcast"), env=denied, code=STORAGE).stderr
    assert f"cannot open {a_shard(place)}: Permission denied" in printed and "attempt" not in printed


# A disk that fails when a copy is written, flushed, read back and given its name.
LATE = [("w", "*.partial", EIO), ("s", "*.partial", EIO), ("r", "*.partial", EIO), ("n", "*/[!.]*.tar", EROFS)]


@pytest.mark.parametrize("calls, name, action", LATE)
@pytest.mark.parametrize("mode, code", [("broadcast", STORAGE), ("partition", 0)])
def test_a_disk_that_fails_late_leaves_no_copy_behind(place, mode, code, calls, name, action):
    printed = run(*words(place, mode), env=fault(place, calls, f"*/scratch/{name}", -1, action), code=code).stderr
    assert os.strerror(int(action.split()[1])) in printed and f"{place}/scratch" in printed
    assert ("not staged: " in printed) == (code == 0)
    assert copies(place) == []
