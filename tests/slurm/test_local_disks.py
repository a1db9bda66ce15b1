"""Checkpoints on the nodes' own disks under Slurm: a node that takes another's place gets its files from the partner."""

import re
import signal

from job import Job, freeze, signal_ranks, thaw
from test_training_jobs import STEPS, TWO_NODES, assert_same_bits, undisturbed, words  # noqa: F401 (a fixture)


def freeze_with_a_checkpoint(job, folder):
    """The step of the newest one that was announced."""
    for step in range(20, STEPS, 10):
        freeze(job, folder, step)
        if announced := re.findall(r"checkpoint saved: \S*dfm_checkpoints\S*iter_(\d+)", job.text()):
            return int(announced[-1])
        thaw(folder)
    raise AssertionError(job.described("a checkpoint"))


def test_a_node_in_the_place_of_another_goes_on_from_its_partners_copies(slurm, shards, undisturbed, tmp_path):
    folder = tmp_path / "moved"
    settings = words(shards, folder, f"checkpoint.local_save={slurm.local}", "checkpoint.local_save_interval=5")
    job = Job(slurm, "train_digits.sh", settings, [*TWO_NODES, "--nodelist=n[0-1]"])
    announced = freeze_with_a_checkpoint(job, folder)
    signal_ranks(folder, signal.SIGKILL)
    job.wait_for_end()
    assert not list(folder.glob("iter_*"))
    again = Job(slurm, "train_digits.sh", settings, [*TWO_NODES, "--nodelist=n[0,2]"])
    assert again.wait_for_end() == ("COMPLETED", 0), again.text()
    resumed = re.search(rf"resuming from {slurm.local}/\S+ at iteration (\d+)", again.text())
    assert int(resumed[1]) >= announced, again.text()
    assert "nodes send each other" in again.text()
    assert_same_bits(folder, undisturbed, tmp_path)
