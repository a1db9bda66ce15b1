"""Staging of files that cannot be read or that somebody changes, and to scratch that cannot be written: the same numbers from the
shared files, or an end that says why; never a copy that is not the file."""

import errno
import json
import os
import shutil

import pytest

from conftest import run, start, TINY
from faults import below

DATA, STORAGE, STOPPED = 3, 4, 75
EIO, EROFS, EACCES, ENOSPC = (f"errno {number}" for number in (errno.EIO, errno.EROFS, errno.EACCES, errno.ENOSPC))


class Place:
    """A copy of the shards, a scratch folder and a run, in one folder."""

    def __init__(self, folder, shards):
        self.data, self.scratch, self.run, self.struck = (folder / name for name in ("data", "scratch", "run", "struck"))
        shutil.copytree(shards, self.data)
        self.scratch.mkdir()

    def shard(self):
        return sorted(self.data.glob("*.tar"))[1]

    def words(self, mode, steps=6):
        return ["dfm_train", *TINY, f"dataset.path={self.data}", f"checkpoint.save={self.run}", f"train.train_iters={steps}",
                f"stage.mode={mode}", f"stage.scratch={self.scratch}"]

    def fault(self, root, calls, pattern, action, **which):
        return below(root, calls, pattern, action, log=self.struck, **which)

    def train(self, mode, code=0, env=None):
        printed = run(*self.words(mode), code=code, env=env).stderr
        assert env is None or self.struck.exists(), "the fault did not strike"
        return printed

    def copies(self):
        return [path for path in self.scratch.rglob("*") if path.is_file()]


@pytest.fixture
def place(shards, tmp_path):
    return Place(tmp_path, shards)


def losses(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


@pytest.fixture(scope="module")
def undisturbed(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=6")
    return losses(folder)


# Sources that cannot be read.

def test_a_source_that_stays_unreadable_ends_a_broadcast_with_its_name(place):
    printed = place.train("broadcast", code=STORAGE, env=place.fault(place.data, "r", place.shard(), EIO))
    assert place.shard().name in printed and "Input/output error" in printed
    assert list(place.scratch.iterdir()) == []


def test_a_source_that_cannot_be_read_for_a_moment_is_tried_again_with_a_word(place):
    printed = place.train("broadcast", env=place.fault(place.data, "r", place.shard(), EIO, count=2))
    assert "attempt 3 of 3 follows" in printed and "not staged" not in printed


def test_a_source_without_permission_is_not_tried_again(place):
    printed = place.train("broadcast", code=STORAGE, env=place.fault(place.data, "o", place.shard(), EACCES))
    assert f"cannot open {place.shard()}: Permission denied" in printed and "attempt" not in printed


def test_a_source_that_is_gone_ends_with_its_name_and_a_remedy(place):
    gone = place.shard()
    gone.unlink()
    printed = place.train("broadcast", code=STORAGE)
    assert str(gone) in printed and "hint: check the spelling" in printed


# Sources that change meanwhile.

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
    shard = place.shard()
    process = start(*place.words("broadcast"), env=place.fault(place.data, "r", shard, "sleep 2000", count=1))
    process.wait_until(place.struck.exists)  # the first piece is about to be read
    change(shard)
    printed = process.ended(DATA)
    assert f"{shard} {text}" in printed
    assert place.copies() == []


# Scratch that cannot be written, or not to the end.

@pytest.mark.parametrize("action, text", [(EROFS, "Read-only file system"), (EACCES, "Permission denied")])
def test_scratch_that_cannot_be_written_ends_with_its_name(place, action, text):
    printed = place.train("partition", code=STORAGE, env=place.fault(place.scratch, "mc", "*", action))
    assert str(place.scratch) in printed and text in printed


def test_a_disk_that_is_full_while_copies_are_written_costs_copies_alone(place, undisturbed):
    printed = place.train("partition", env=place.fault(place.scratch, "w", "*.tar.partial", ENOSPC))
    assert "not staged:" in printed and "partial" in printed
    assert losses(place.run) == undisturbed


# When a copy is written, flushed, read back and given its name.
LATE = [("w", "*.partial", EIO), ("s", "*.partial", EIO), ("r", "*.partial", EIO), ("n", "*/[!.]*.tar", EROFS)]


@pytest.mark.parametrize("calls, name, action", LATE)
@pytest.mark.parametrize("mode, code", [("broadcast", STORAGE), ("partition", 0)])
def test_a_disk_that_fails_late_leaves_no_copy_behind(place, mode, code, calls, name, action):
    printed = place.train(mode, code=code, env=place.fault(place.scratch, calls, name, action))
    assert os.strerror(int(action.split()[1])) in printed and str(place.scratch) in printed
    assert ("not staged: " in printed) == (code == 0)
    assert place.copies() == []


def test_copies_that_are_taken_away_are_read_from_the_shared_files(place):
    process = start(*place.words("broadcast", steps=1000000))
    process.wait_for_text("iteration .*1000000")
    shutil.rmtree(place.scratch)
    before = len(losses(place.run))
    process.wait_for_text("iteration +[0-9]{2,}/ *1000000")
    process.terminate()
    process.ended(STOPPED)
    assert len(losses(place.run)) > before
