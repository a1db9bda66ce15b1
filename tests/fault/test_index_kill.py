"""dfm_index, killed at every rename and every removal of a file: the next run repairs the data set by itself."""

import io
import sqlite3
import subprocess
import tarfile
from contextlib import closing

import pytest

from conftest import command, ENVIRONMENT, run
from faults import below
from life import SHIM

KILLED = -9
MOST_CALLS = 60


def shard(path, first, count):
    with tarfile.open(path, "w") as tar:
        for key in range(first, first + count):
            for extension in ("json", "txt"):
                info = tarfile.TarInfo(f"{key:05}.{extension}")
                info.size = 20
                tar.addfile(info, io.BytesIO(b'{"n": "' + b"x" * 11 + b'"}'))


def make(root):
    root.mkdir()
    for i in range(4):
        shard(root / f"s-{i}.tar", 10 * i, 5)
    return root


def change(root):
    """One shard is longer, one is new, one is gone."""
    shard(root / "s-1.tar", 500, 9)
    shard(root / "s-9.tar", 900, 3)
    (root / "s-3.tar").unlink()


def content(root):
    """All that a reader sees, but for the random index.uuid."""
    with closing(sqlite3.connect(f"file:{root}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)) as database:
        rows = [sorted(database.execute(f"SELECT * FROM {table}").fetchall()) for table in ("samples", "sample_parts")]
    files = {path.name: path.read_bytes() for path in [*root.glob("*.idx"), root / ".nv-meta/.info.json", root / ".nv-meta/split.yaml",
                                                       root / ".nv-meta/dataset.yaml"]}
    files.pop("s-3.tar.idx", None)  # of a shard that is gone: nothing lists it
    return rows, files


def killed_at(root, calls, number, notes):
    """Whether the run was killed; it ends as it should where there are fewer such calls."""
    environment = {**ENVIRONMENT, **below(root, calls, "*", "kill", first=number, count=1, rank=0, log=notes)}
    done = subprocess.run(command("dfm_index", root, "--force-overwrite"), env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, KILLED), done.stderr
    return done.returncode == KILLED


@pytest.mark.parametrize("calls", ["n", "u"], ids=["rename", "unlink"])
def test_a_run_that_was_killed_is_repaired_by_the_next(tmp_path, calls):
    if not SHIM.exists():
        pytest.skip(f"{SHIM} is not built")
    expected = make(tmp_path / "expected")
    change(expected)
    run("dfm_index", expected)
    kills = 0
    for number in range(1, MOST_CALLS):
        root = make(tmp_path / str(number))
        run("dfm_index", root)
        change(root)
        if not killed_at(root, calls, number, tmp_path / "log"):
            break
        kills += 1
        run("dfm_index", root, "--force-overwrite")
        assert content(root) == content(expected), f"killed at call {number}"
        run("dfm_index", root, "--verify")
        assert not list(root.rglob(".*.partial")), f"left over after call {number}"
    assert kills >= (8 if calls == "n" else 2)
