"""Pulling the plug: kill -9 of all ranks at random moments, full disks, read-only folders."""

import os
import random
import shutil
import subprocess
import time

import pytest

import conftest
from conftest import TINY, run
from life import kill_all
from run_files import assert_same_bits, losses, tensors

STEPS = 60
KILLS = 30


def start(shards, folder):
    words = [*TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", f"train.train_iters={STEPS}",
             "checkpoint.save_interval=2", "checkpoint.most_recent_k=3"]
    return conftest.start("dfm_train", *words, ranks=2)


def announced(printed):
    """The steps of the checkpoints that a run announced."""
    return [int(line.split("iter_")[1][:7]) for line in printed.splitlines() if "checkpoint saved:" in line]


def resumed_at(printed):
    lines = [line for line in printed.splitlines() if "resuming from" in line]
    return int(lines[0].rsplit(" ", 1)[1]) if lines else 0


def test_thirty_kills_lose_nothing_that_was_announced(shards, tmp_path):
    undisturbed = start(shards, tmp_path / "undisturbed")
    begun = time.monotonic()
    undisturbed.ended(0)
    seconds_undisturbed = time.monotonic() - begun

    seed = int(os.environ.get("DFM_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"DFM_TEST_SEED={seed}")
    chance = random.Random(seed)
    folder = tmp_path / "killed"
    newest, finished = 0, False
    for _ in range(KILLS):
        process = start(shards, folder)
        # Mostly early moments: start-up, loading, the first steps and saves after them.
        time.sleep(chance.uniform(0.1, 0.5 + 0.25 * seconds_undisturbed))
        printed = kill_all(process)
        assert resumed_at(printed) >= newest or "resuming" not in printed, printed
        newest = max([newest, *announced(printed)])
        finished = finished or newest == STEPS
    process = start(shards, folder)
    assert resumed_at(process.ended(0)) >= newest

    last = f"iter_{STEPS:07}"
    assert_same_bits(tensors(tmp_path / "undisturbed" / last), tensors(folder / last))
    assert losses(folder) == losses(tmp_path / "undisturbed")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB (needs root)."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place],
                                           capture_output=True).returncode != 0:
        pytest.skip("needs root, to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def train_words(shards, folder, *words):
    return [*TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", f"logger.output={folder}-log",
            "train.train_iters=4", *words]


def test_a_full_disk_ends_training_with_code_4_and_keeps_what_was_saved(shards, small_disk):
    folder = small_disk / "run"
    words = train_words(shards, folder, "checkpoint.save_interval=1")
    printed = run("dfm_train", *words, ranks=2, code=4).stderr
    assert "full" in printed and printed.count("error:") == 1
    assert not list(folder.rglob(".*.partial"))
    saved = announced(printed)
    # Room again: the same command goes on from the last announced checkpoint.
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    again = run("dfm_train", *words, ranks=2).stderr
    assert resumed_at(again) == (saved[-1] if saved else 0)


def test_a_full_disk_for_the_sampling_weights_is_code_4_once_the_checkpoint_is_safe(shards, small_disk, tmp_path):
    (small_disk / "filler").write_bytes(bytes(3_900_000))
    file = small_disk / "weights.safetensors"
    words = train_words(shards, tmp_path / "run", "checkpoint.sampling_weights=weights",
                        f"checkpoint.sampling_file={file}")
    printed = run("dfm_train", *words, ranks=2, code=4).stderr
    assert "full" in printed and printed.count("error:") == 1
    assert announced(printed) == [4] and not file.exists()
    (small_disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert resumed_at(run("dfm_train", *words, ranks=2).stderr) == 4
    assert file.exists()


def test_a_full_disk_ends_preparation_with_code_4(pictures, small_disk):
    printed = run("dfm_prepare", pictures, small_disk / "out", "--height", 1024, "--width", 1024, ranks=2, code=4).stderr
    assert "full" in printed
    assert not list((small_disk / "out").glob("*.tar")) and not list((small_disk / "out").glob(".*.partial"))


def test_a_read_only_folder_is_code_4(shards, pictures, weights, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for program, words in [
        ("dfm_train", train_words(shards, small_disk / "run")),
        ("dfm_prepare", [pictures, small_disk / "out"]),
        ("dfm_sample", [weights, "--prompt", "x", "--height", "32", "--width", "32", "--output", small_disk / "s"]),
    ]:
        printed = run(program, *words, ranks=2, code=4).stderr
        assert "read-only" in printed.lower()


def test_a_full_disk_ends_export_with_code_4_and_keeps_the_old_file(trained, small_disk):
    target = small_disk / "weights.safetensors"
    target.write_bytes(b"old")
    (small_disk / "filler").write_bytes(bytes(3_900_000))
    printed = run("dfm_consolidate", trained, target, code=4).stderr
    assert "full" in printed
    assert target.read_bytes() == b"old"


def test_an_index_that_cannot_be_written_is_code_4(shards, small_disk):
    for shard in shards.glob("*.tar"):
        shutil.copy(shard, small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "read-only" in run("dfm_index", small_disk, ranks=2, code=4).stderr.lower()
