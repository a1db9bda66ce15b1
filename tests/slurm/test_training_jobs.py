"""jobs/train_*.sh on a real Slurm: what stops a run, what goes on by itself, and that it goes on with the same bits."""

import json
import os
import signal

import pytest
from job import ENDED, Job, freeze, metrics, ranks, signal_ranks, thaw
from safetensors.numpy import load_file

from conftest import BIN, TINY, run

STEPS = 120
TWO_NODES = ["--nodes=2", "--ntasks-per-node=1"]
ON_A_PAIR = [*TWO_NODES, "--nodelist=n[0-1]"]


def words(shards, folder, *more, steps=STEPS):
    return [*TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", f"train.train_iters={steps}", *more]


def exported(folder, tmp_path):
    """The weights' bytes by name."""
    file = tmp_path / f"{folder.name}.safetensors"
    run("dfm_consolidate", folder, file)
    return {name: values.tobytes() for name, values in load_file(file).items()}


@pytest.fixture(scope="session")
def undisturbed(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "undisturbed"
    run("dfm_train", "--recipe", "digits", *words(shards, folder), ranks=2)
    return folder


def assert_same_bits(folder, undisturbed, tmp_path):
    assert metrics(folder) == metrics(undisturbed)
    assert exported(folder, tmp_path) == exported(undisturbed, tmp_path)


def test_a_time_limit_is_followed_by_a_requeue_and_the_same_bits(slurm, shards, undisturbed, tmp_path):
    folder = tmp_path / "limited"
    # Slurm looks at limits every 30 s, and signals that much early: between 15 and 45 s after the start.
    job = Job(slurm, "train_digits.sh", words(shards, folder), [*ON_A_PAIR, "--time=2", "--signal=B:USR1@75"])
    freeze(job, folder, 20)
    job.wait_for("signal USR1")
    thaw(folder)
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert job.field("Restarts") == "1" and "(signal USR1); restart 1 of at most 100" in job.text()
    assert_same_bits(folder, undisturbed, tmp_path)


def test_preemption_is_followed_by_one_requeue_and_the_same_bits(slurm, shards, undisturbed, tmp_path):
    folder = tmp_path / "preempted"
    job = Job(slurm, "train_digits.sh", words(shards, folder), [*ON_A_PAIR, "--partition=low"])
    freeze(job, folder, 20)
    # Slurm wakes the ranks and tells them to stop.
    done = slurm.run("srun", "--partition=high", "--exclusive", "--nodelist=n[0-1]", "--nodes=2", "--mpi=none", "true")
    assert done.returncode == 0, done.stderr
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert job.field("Restarts") == "1" and "(preempted); restart 1" in job.text()
    assert_same_bits(folder, undisturbed, tmp_path)


def test_scancel_stops_a_run_that_the_same_sbatch_goes_on_with(slurm, shards, undisturbed, tmp_path):
    folder = tmp_path / "cancelled"
    job = Job(slurm, "train_digits.sh", words(shards, folder), ON_A_PAIR)
    freeze(job, folder, 20)
    slurm.run("scancel", job.id)
    assert job.wait_for_end() == ("CANCELLED", 75), job.text()
    assert job.field("Restarts") == "0" and "not requeued: it was told to stop" in job.text()
    assert 20 <= len(metrics(folder)) < STEPS
    again = Job(slurm, "train_digits.sh", words(shards, folder), ON_A_PAIR)
    assert again.wait_for_end() == ("COMPLETED", 0), again.text()
    assert_same_bits(folder, undisturbed, tmp_path)


def test_a_signal_before_the_program_listens_is_not_lost(slurm, shards, tmp_path):
    """And a start that gains no step is the last one."""
    folder = tmp_path / "early"
    job = Job(slurm, "train_digits.sh", words(shards, folder), ON_A_PAIR)
    job.wait_until(lambda: len(ranks(folder)) == 2, "two ranks")
    signal_ranks(folder, signal.SIGSTOP)
    assert metrics(folder) == []
    slurm.run("scancel", "--batch", "--signal=USR1", job.id)
    job.wait_for("signal USR1")
    thaw(folder)
    assert job.wait_for_end() == ("FAILED", 75), job.text()
    assert "not requeued: no step was gained in this start (step 0 before, 0 now)" in job.text()


def test_a_halt_file_stops_a_run_that_is_not_requeued(slurm, shards, tmp_path):
    folder = tmp_path / "halted"
    # dfm looks for the file once a second.
    job = Job(slurm, "train_digits.sh", words(shards, folder, steps=100 * STEPS), ON_A_PAIR)
    freeze(job, folder, 20)
    (folder / "HALT").touch()
    thaw(folder)
    assert job.wait_for_end() == ("FAILED", 75), job.text()
    assert f"not requeued: the file {folder}/HALT says so" in job.text()


def test_a_mistake_in_the_configuration_is_not_requeued(slurm, shards, tmp_path):
    job = Job(slurm, "train_digits.sh", words(shards, tmp_path / "run", "train.train_iters=many"), ON_A_PAIR)
    assert job.wait_for_end() == ("FAILED", 2)
    assert "not requeued" in job.text() and "'many' is not accepted" in job.text()


def test_bad_data_are_not_requeued(slurm, tmp_path):
    job = Job(slurm, "train_digits.sh", words(tmp_path, tmp_path / "run"), ON_A_PAIR)
    assert job.wait_for_end() == ("FAILED", 3)
    assert "not requeued: code 3 (input data) would come again" in job.text()


def test_requeueing_ends_at_the_maximum(slurm, shards, tmp_path):
    folder = tmp_path / "run"
    job = Job(slurm, "train_digits.sh", words(shards, folder, "train.stop_after_steps=2"), ON_A_PAIR,
              env={"DFM_MAX_RESTARTS": "1"})
    assert job.wait_for_end() == ("FAILED", 75), job.text()
    assert "not requeued: it was restarted 1 times; DFM_MAX_RESTARTS is 1" in job.text()
    assert len(metrics(folder)) == 4


def test_an_array_goes_on_until_the_run_is_finished(slurm, shards, tmp_path):
    folder = tmp_path / "run"
    job = Job(slurm, "train_array.sh", words(shards, folder, "train.stop_after_steps=5", steps=12),
              ["--array=1-5%1", "--nodes=1", "--ntasks-per-node=2"])
    states = job.wait_until(lambda: states_of_ended_tasks(slurm, job), "the end of the array")
    assert states == {"FAILED", "COMPLETED", "CANCELLED"}
    assert len(metrics(folder)) == 12
    assert job.text().count("the next task of the array goes on") == 2
    assert "cancelling the tasks of the array that are left" in job.text()


def states_of_ended_tasks(slurm, job):
    words = job.shown().split()
    states = {word.split("=")[1] for word in words if word.startswith("JobState=")}
    return states if states <= ENDED else None


def test_words_reach_the_program_as_they_were_given(slurm, shards, tmp_path):
    folder = tmp_path / "a b; $HOME 'c' \"d\" * \\e"
    prompt = "  $(touch x) `id` ? * 'single' \\n #no ; comment"
    job = Job(slurm, "train_digits.sh",
              words(shards, folder, f"validation.prompts={json.dumps([prompt])}", "train.stop_after_steps=2", steps=4), ON_A_PAIR)
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert job.field("Restarts") == "1"
    assert len(metrics(folder)) == 4
    manifest = json.loads((folder / "iter_0000004/manifest.json").read_text())["checkpoint"]
    assert json.loads(manifest["config"]["validation.prompts"]) == [prompt]


def apptainer(tmp_path, *lines):
    """The environment with a container that is none: it runs what it is given, after these lines."""
    program = tmp_path / "apptainer"
    program.write_text("\n".join(["#!/bin/sh", *lines, "shift 4", 'exec "$@"', ""]))
    program.chmod(0o755)
    return {"DFM_CONTAINER": "/images/dfm.sif", "DFM_CONTAINER_ARGS": "--bind /data", "DFM_CONTAINER_RUNTIME": "apptainer",
            "PATH": f"{tmp_path}:/usr/sbin:{os.environ['PATH']}"}


def test_a_container_gets_the_program_and_its_words(slurm, shards, tmp_path):
    job = Job(slurm, "train_digits.sh", words(shards, tmp_path / "run", steps=2), ON_A_PAIR,
              env=apptainer(tmp_path, 'echo "in $4 with $2 $3: $5" >&2'))
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert f"in /images/dfm.sif with --bind /data: {BIN / 'dfm_train'}" in job.text()


def test_ranks_that_do_not_find_each_other_are_refused(slurm, shards, tmp_path):
    """As where the container's MPI does not know the site's --mpi: each rank takes itself for a world of one."""
    hidden = "unset SLURM_NODELIST SLURM_STEPID $(env | sed -n 's/^\\(PMIX_[A-Z_]*\\)=.*/\\1/p')"
    job = Job(slurm, "train_digits.sh", words(shards, tmp_path / "run"), ON_A_PAIR, env=apptainer(tmp_path, hidden))
    assert job.wait_for_end() == ("FAILED", 2), job.text()
    assert "MPI sees a world of 1 rank" in job.text() and "--mpi" in job.text()
    assert not (tmp_path / "run").exists()


def test_the_program_is_staged_on_the_nodes_and_removed_again(slurm, shards, tmp_path):
    job = Job(slurm, "train_digits.sh", words(shards, tmp_path / "run", steps=2), ON_A_PAIR,
              env={"DFM_SCRATCH": str(slurm.local)})
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert "staged bin/dfm_train" in job.text() and "on 2 nodes" in job.text()
    assert f"starting {slurm.local}/dfm-{job.id}/bin/dfm_train" in job.text()
    assert not any((slurm.folder / f"local-{node}/dfm-{job.id}").exists() for node in ["n0", "n1"])
