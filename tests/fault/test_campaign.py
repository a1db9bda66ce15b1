"""A sample of the fault campaign (make torture runs a thousand); and what the campaign itself must notice."""

import argparse
import os
import random
import signal
import tempfile
import time

import numpy as np
import pytest

import campaign as campaign_module
import life as life_module
from campaign import Campaign, References, live, strike, workplace
from faults import Fault, power_failure_in_save
from life import STEPS, UNKNOWN, Life, Violation, is_alive, require_close, require_same_bits, require_same_losses
from power_loss import AlwaysLoses, lose_power

FAULTS = 60


@pytest.fixture
def place(tmp_path):
    with tempfile.TemporaryDirectory(prefix="dfm-test-", dir=workplace() or tmp_path) as folder:
        yield folder


def test_sixty_random_faults_lose_nothing_and_change_nothing(place):
    seed = os.environ.get("DFM_TEST_SEED", str(random.SystemRandom().randrange(2**32)))
    print(f"DFM_TEST_SEED={seed}")
    campaign = Campaign(argparse.Namespace(count=FAULTS, seed=seed, jobs=2, summary=None), place).run()
    assert campaign.count() >= FAULTS
    assert not campaign.violations(), "\n".join(f"{each['seed']}: {each['violation']}" for each in campaign.violations())


def test_a_disk_that_ignores_flushes_is_noticed(place, monkeypatch):
    """Were a flush missing in the program, the campaign would say so: here all of them are."""
    monkeypatch.setattr(campaign_module, "draw",
                        lambda chance, life: ("power_failure_in_save", power_failure_in_save(chance, life)))
    monkeypatch.setattr(campaign_module, "apply_power_loss",
                        lambda life, chance: lose_power(life.journal(), chance, obeys_flushes=False))
    references = References(place)
    found = [live(os.path.join(place, str(seed)), f"lie/{seed}", references)["violation"] for seed in range(3)]
    assert any(found)


def waits_for_a_rank(run):
    while not run.pids() and run.process.poll() is None:
        time.sleep(0.01)
    return True


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """Makes lives without faults whose launcher starts a rank, given as a command, and never ends by itself."""
    nothing = Fault("nothing", {0}, disturb=waits_for_a_rank)
    monkeypatch.setattr(campaign_module, "draw", lambda chance, life: ("nothing", nothing))
    monkeypatch.setattr(life_module, "SECONDS_TO_END", 1)
    launcher, pids = tmp_path / "launcher", tmp_path / "pids"

    def make(rank):
        life = Life(tmp_path / "life", ranks=2)
        launcher.write_text(f"#!/bin/sh\n{rank} &\necho $! $$ > {pids}\necho 0 $! > {life.notes}/pids\nexec sleep 60\n")
        launcher.chmod(0o755)
        monkeypatch.setattr(life_module, "MPIRUN", [str(launcher)])
        return life

    yield make
    left = still_alive(map(int, pids.read_text().split()))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def still_alive(pids):
    """After a while, since a kill takes a moment."""
    left, end = list(pids), time.monotonic() + 5
    while (left := list(filter(is_alive, left))) and time.monotonic() < end:
        time.sleep(0.01)
    return left


def test_a_launcher_that_blocks_after_all_ranks_have_ended_counts_as_a_start_that_met_no_fault(blocked):
    _, in_time, _, outcome = strike(blocked("true"), random.Random(1))
    assert outcome.code is UNKNOWN and not in_time


def test_a_rank_that_hangs_under_a_launcher_is_noticed(blocked):
    with pytest.raises(Violation, match="it hung for 1 s"):
        strike(blocked("sleep 60"), random.Random(1))


def test_other_weights_at_the_end_are_noticed():
    expected = {("rank_00000.h5", "weights/a@0"): np.zeros(3, np.float32)}
    require_same_bits(expected, {key: value.copy() for key, value in expected.items()})
    with pytest.raises(Violation, match="silently wrong"):
        require_same_bits(expected, {key: value + np.float32(1e-45) for key, value in expected.items()})


def test_more_than_rounding_is_noticed_after_a_change_of_ranks():
    weights = {("rank_00000.h5", "exp_avg/a@0"): np.ones(3, np.float32)}
    require_close(weights, {key: value + np.float32(1e-6) for key, value in weights.items()})
    with pytest.raises(Violation, match="silently wrong"):
        require_close(weights, {key: 0 * value for key, value in weights.items()})
    losses = {1: 0.5, STEPS: 0.25}
    require_same_losses(losses, {STEPS: 0.25})
    with pytest.raises(Violation, match="step 1 has loss"):
        require_same_losses(losses, {1: 0.50001, STEPS: 0.25})
    with pytest.raises(Violation, match="no loss of the last step"):
        require_same_losses(losses, {1: 0.5})


def test_content_without_a_flush_is_lost_and_with_one_is_kept(tmp_path):
    kept, lost = tmp_path / "kept", tmp_path / "lost"
    for path in (kept, lost):
        path.write_bytes(b"x" * 10_000)
    journal = [f"c\t{kept}", f"c\t{lost}", f"w\t{kept}\t0\t10000", f"w\t{lost}\t0\t10000", f"s\t{kept}\t1", "e\t1",
               f"s\t{tmp_path}\t2", "e\t2"]
    lose_power("\n".join(journal), AlwaysLoses())
    assert kept.read_bytes() == b"x" * 10_000
    assert not lost.read_bytes().strip(b"\0")


def test_a_flush_that_began_before_a_write_does_not_cover_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    lose_power("\n".join([f"s\t{path}\t1", f"w\t{path}\t0\t100", "e\t1"]), AlwaysLoses())
    assert not path.read_bytes().strip(b"\0")


def test_a_name_is_durable_only_after_its_folder_is_flushed(tmp_path):
    folder, keep = tmp_path / "run", tmp_path / "old"
    folder.mkdir()
    (folder / "pointer").write_text("new")
    keep.write_text("old")
    journal = f"r\t{folder}/.pointer.partial\t{folder}/pointer\t{keep}"
    lose_power(f"{journal}\ns\t{folder}\t1\ne\t1", AlwaysLoses())
    assert (folder / "pointer").read_text() == "new"
    lose_power(journal, AlwaysLoses())
    assert (folder / "pointer").read_text() == "old"
    assert (folder / ".pointer.partial").read_text() == "new"


def test_what_came_after_the_cut_never_happened(tmp_path):
    path = tmp_path / "late"
    path.write_text("late")
    lose_power(f"p\nc\t{path}\ns\t{tmp_path}\t1\ne\t1", random.Random(1))
    assert not path.exists()
