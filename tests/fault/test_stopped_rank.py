"""A rank that stands still: it is named, with host and phase, and the job ends with code 6 within its limit."""

import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

import conftest
from conftest import ENVIRONMENT, TINY, command

TRIES = int(os.environ.get("DFM_STOPPED_RANK_TRIES", "3"))
LIMIT_SECONDS = 6
WORDS = ["--mock", *TINY, "dataset.H_latents=8", "dataset.W_latents=8", "dataset.context_seq_len=5",
         "train.train_iters=1000000", "checkpoint.save_interval=100"]
LIMITS = [f"watchdog.{name}_limit_seconds={LIMIT_SECONDS}" for name in ("step", "startup", "save")]


def ranks_of(process):
    """By rank: the processes of dfm_train that mpirun started."""
    pids = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    found = {}
    for pid in map(int, pids):
        with open(f"/proc/{pid}/environ", "rb") as environment:
            variables = dict(item.split(b"=", 1) for item in environment.read().split(b"\0") if b"=" in item)
        found[int(variables[b"OMPI_COMM_WORLD_RANK"])] = pid
    return found


def start(folder, *words, ranks=3):
    process = conftest.start("dfm_train", *WORDS, f"checkpoint.save={folder}", *words, ranks=ranks)
    process.wait_for_steps(folder, 3)
    return process


def assert_all_are_gone(pids):
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@pytest.mark.parametrize("attempt", range(TRIES))
def test_a_stopped_rank_is_named_and_the_job_ends_with_code_6(tmp_path, attempt):
    process = start(tmp_path / "run", *LIMITS)
    ranks = ranks_of(process)
    victim = attempt % 3
    # What a stopped rank did is known from its last heartbeat: let there be one from within a step.
    time.sleep(random.uniform(1.5, 3))
    os.kill(ranks[victim], signal.SIGSTOP)
    printed = process.ended(6, timeout=90)
    words = re.search(r"error: the run hangs: (.*)", printed)
    assert words, printed
    assert re.search(rf"rank {victim} on \S+ has been silent for \d+ s \((training|saving a checkpoint)", words[1])
    assert "rank 3" not in words[1] and f"on {socket.gethostname()}" in words[1]
    assert '"event":"hang"' in (tmp_path / "run/journal.jsonl").read_text()
    assert_all_are_gone(ranks.values())


def test_a_rank_that_never_comes_up_ends_the_job_within_the_limit_of_the_start(tmp_path):
    words = command("dfm_train", *WORDS, f"checkpoint.save={tmp_path}/run", "watchdog.startup_limit_seconds=4", ranks=3)
    program = words.index("-n") + 2
    late = ["sh", "-c", '[ "$OMPI_COMM_WORLD_RANK" != 1 ] || kill -STOP $$; exec "$@"', "late"]
    done = subprocess.run([*words[:program], *late, *words[program:]], env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 6, done.stderr
    assert f"the start of MPI on {socket.gethostname()} has not ended after 4 s" in done.stderr


def test_a_stopped_rank_of_another_program_is_named_and_ends_it_too(tmp_path):
    words = ["--synthetic", 1000000, "--output-dir", tmp_path / "shards", "--height", 256, "--width", 256,
             "--num-frames", 33, "watchdog.startup_limit_seconds=6"]
    process = conftest.start("dfm_prepare", *words, ranks=3)
    process.wait_until(lambda: list(tmp_path.glob("shards/**/*")))
    time.sleep(2)  # a heartbeat
    ranks = ranks_of(process)
    os.kill(ranks[1], signal.SIGSTOP)
    printed = process.ended(6, timeout=90)
    assert re.search(r"error: the run hangs: rank 1 on \S+ has been silent for \d+ s", printed), printed
    assert_all_are_gone(ranks.values())


def test_a_rank_that_is_stopped_for_a_moment_is_forgiven(tmp_path):
    process = start(tmp_path / "run", "watchdog.step_limit_seconds=20")
    ranks = ranks_of(process)
    os.kill(ranks[1], signal.SIGSTOP)
    time.sleep(12)
    os.kill(ranks[1], signal.SIGCONT)
    os.kill(ranks[0], signal.SIGUSR1)
    assert "no progress: rank 1" in process.ended(75, timeout=90)


def test_a_job_that_is_suspended_as_a_whole_is_forgiven(tmp_path):
    process = start(tmp_path / "run", *LIMITS)
    ranks = ranks_of(process)
    for pid in ranks.values():
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LIMIT_SECONDS + 4)
    for pid in ranks.values():
        os.kill(pid, signal.SIGCONT)
    time.sleep(2)
    os.kill(ranks[0], signal.SIGUSR1)
    process.ended(75, timeout=90)


@pytest.mark.parametrize("kind", ["SIGSEGV", "SIGKILL"])
def test_a_rank_that_dies_leaves_nobody_waiting(tmp_path, kind):
    process = start(tmp_path / "run")
    ranks = ranks_of(process)
    os.kill(ranks[2], getattr(signal, kind))
    process.ended(128 + getattr(signal, kind), timeout=60)
    assert_all_are_gone(ranks.values())
