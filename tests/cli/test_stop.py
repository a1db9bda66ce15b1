"""What stops a run early, and that the same command goes on to the same bits."""

import os
import random
import signal
import subprocess
import time

import pytest

import conftest
from conftest import command, run
from run_files import assert_same_bits, losses, tensors
from test_journal import MOCK, of_kind

STEPS = 40
# A step takes long enough to be met by a signal.
SLOW = ["model.hidden_size=128", "model.num_layers=4"]
WORDS = ["--mock", *MOCK, *SLOW, f"train.train_iters={STEPS}", "checkpoint.save_interval=10", "train.eval_interval=15",
         "train.eval_iters=2", 'validation.prompts=["a","b"]', "validation.num_steps=3"]


def words(folder, *more):
    return [*WORDS, f"checkpoint.save={folder}", *more]


def start(folder, *more, ranks=2, env=None):
    return conftest.start("dfm_train", *words(folder, *more), ranks=ranks, env=env)


def ranks_of(process):
    """The processes of dfm_train, wherever mpirun put them."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    run("dfm_train", *words(folder), ranks=2)
    return folder


def assert_finishes_like(undisturbed, folder):
    run("dfm_train", *words(folder), ranks=2)
    assert losses(folder) == losses(undisturbed)
    assert_same_bits(tensors(folder / f"iter_{STEPS:07}"), tensors(undisturbed / f"iter_{STEPS:07}"))


def test_a_report_that_cannot_be_written_leaves_the_code_that_a_run_ends_with(tmp_path):
    folder = tmp_path / "run"
    (folder / "report.html").mkdir(parents=True)
    printed = run("dfm_train", *words(folder, "train.stop_after_steps=2"), code=75).stderr
    assert "without a report" in printed and str(folder / "report.html") in printed
    assert of_kind(folder, "stop")[-1]["code"] == 75


def test_the_halt_file_stops_a_run_and_forbids_starts_while_it_is_there(undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, "train.train_iters=100000", "checkpoint.save_interval=0", "train.eval_interval=0")
    process.wait_for_steps(folder, 2)
    (folder / "HALT").touch()
    process.ended(75)
    assert of_kind(folder, "stop")[-1]["reason"] == "the HALT file"
    printed = run("dfm_train", *words(folder), ranks=2, code=2).stderr
    assert "HALT" in printed and "remove it" in printed


def test_the_slurm_time_limit_stops_a_run_in_time(tmp_path):
    folder = tmp_path / "run"
    end = time.time() + 15
    process = start(folder, "train.train_iters=100000", "train.stop_margin_seconds=8", "train.eval_interval=0",
                    env={"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(int(end))})
    process.ended(75)
    assert time.time() < end
    assert of_kind(folder, "stop")[-1]["reason"] == "the Slurm time limit"


def test_a_run_leaves_within_the_minutes_it_was_given(undisturbed, tmp_path):
    folder = tmp_path / "run"
    run("dfm_train", *words(folder, "train.exit_duration_in_mins=0.001"), ranks=2, code=75)
    stop = of_kind(folder, "stop")[-1]
    assert stop["reason"] == "train.exit_duration_in_mins" and 1 <= stop["step"] < STEPS
    assert_finishes_like(undisturbed, folder)


def test_a_signal_during_validation_drops_it_and_the_next_start_makes_up_for_it(undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, "validation.num_steps=20000")
    process.wait_for_steps(folder, 15)
    time.sleep(0.3)
    for pid in ranks_of(process):
        os.kill(pid, signal.SIGUSR1)
    process.ended(75)
    stop = of_kind(folder, "stop")[-1]
    assert stop["step"] == 15 and stop["reason"] == "signal USR1"
    assert [line["iteration"] for line in losses(folder) if line["kind"] == "validation"] == []
    assert_finishes_like(undisturbed, folder)


def test_mpirun_passes_a_termination_on(tmp_path):
    """mpirun sends TERM to the ranks and kills them after a time that its user chooses.

    It sleeps for that time before TERM and again before KILL, and passes no output on while it does: ranks that print
    every step of a few milliseconds would fill their pipe and wait for it.
    """
    folder = tmp_path / "run"
    start_words = command("dfm_train", "--log-level", "warning", *words(folder, "train.train_iters=100000"), ranks=2)
    start_words[1:1] = ["--mca", "odls_base_sigkill_timeout", "5"]
    process = conftest.Started(start_words)
    process.wait_for_steps(folder, 2)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    stop = of_kind(folder, "stop")[-1]
    assert stop["code"] == 75 and stop["reason"].startswith("signal TERM")
    assert (folder / f"iter_{stop['step']:07}/manifest.json").exists()


def can_be_asked(pid):
    """False while the system loads the program's libraries: until then no program can do anything about a signal."""
    try:
        with open(f"/proc/{pid}/status") as status:
            caught = next(line for line in status if line.startswith("SigCgt"))
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return False
    with open(f"/proc/{pid}/comm") as name:
        return bool(int(caught.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1) and name.read().startswith("dfm_train")


MOMENTS = int(os.environ.get("DFM_STOP_MOMENTS", "6"))


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_signal_at_any_moment_of_a_run_ends_it_resumably(undisturbed, tmp_path, ranks):
    seed = int(os.environ.get("DFM_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"DFM_TEST_SEED={seed}")
    chance = random.Random(seed)
    begun = time.monotonic()
    run("dfm_train", *words(tmp_path / "measured"), ranks=ranks)
    seconds = time.monotonic() - begun
    folder, codes = tmp_path / "run", []
    for _ in range(MOMENTS):
        process = start(folder, ranks=ranks)
        time.sleep(chance.uniform(0, 1.1 * seconds) if chance.random() < 0.5 else chance.uniform(0, 1))
        # Several in a row, of several kinds, to one rank or to all.
        targets = [process.pid] if ranks == 1 else chance.choice([ranks_of(process), ranks_of(process)[-1:]])
        for name in [chance.choice(["TERM", "USR1", "USR2", "INT"]) for _ in range(chance.choice([1, 3]))]:
            for pid in filter(can_be_asked, targets):
                try:
                    os.kill(pid, getattr(signal, f"SIG{name}"))
                except ProcessLookupError:
                    pass
        process.wait(timeout=120)
        codes.append(process.returncode)
        assert process.returncode in (0, 75), f"{codes} {process.printed()}"
        if process.returncode == 0 and targets and chance.random() < 0.5:
            folder = tmp_path / f"run{len(codes)}"
    run("dfm_train", *words(folder), ranks=ranks)
    if ranks == 2:
        assert losses(folder) == losses(undisturbed)
        assert_same_bits(tensors(folder / f"iter_{STEPS:07}"), tensors(undisturbed / f"iter_{STEPS:07}"))
