"""Nodes lose their power while runs are under way: the daemon and the ranks of a node are killed at once.

Slurm takes most of a minute to notice, so the runs of all tests here meet their fate side by side.
"""

import numpy as np
import pytest
from job import Job, freeze, metrics
from test_training_jobs import undisturbed, words  # noqa: F401 (a fixture)

# Template, nodes of its own, the one that is lost, options, environment.
PER_NODE = "--ntasks-per-node=1"
SPREAD = ["--ntasks=2", "--spread-job"]
RUNS = {
    "spare": ("train_spare_nodes.sh", "n[0-2]", "n1", ["--nodes=3", PER_NODE], {"DFM_RECIPE": "digits"}),
    "left": ("train_spare_nodes.sh", "n[3-4]", "n4", ["--nodes=2", PER_NODE], {"DFM_RECIPE": "digits", "DFM_SPARE_NODES": "0"}),
    "ranks": ("train_digits.sh", "n[5-6]", "n6", ["--nodes=1-2", *SPREAD], {}),
    "script": ("train_digits.sh", "n[7-8]", "n7", ["--nodes=1-2", *SPREAD], {}),
}


def others(slurm, nodes):
    first, last = nodes[2:-1].split("-")
    return [node for node in slurm.nodes if not int(first) <= int(node[1:]) <= int(last)]


@pytest.fixture(scope="module")
def survivors(slurm, shards, tmp_path_factory):
    """The runs by name, each as its job and its folder, after a node of each was lost in its middle."""
    found = {}
    for name, (template, nodes, _, options, environment) in RUNS.items():
        folder = tmp_path_factory.mktemp(name) / name
        # Excluded, not listed: a job that asks for a node by name waits for it for ever.
        job = Job(slurm, template, words(shards, folder, "checkpoint.save_interval=5"),
                  [*options, f"--exclude={','.join(others(slurm, nodes))}"], env=environment)
        freeze(job, folder, 20)
        found[name] = job, folder
    lost = [run[2] for run in RUNS.values()]
    for node in lost:
        slurm.kill_node(node)
    yield found
    for job, _ in found.values():
        slurm.run("scancel", job.id)
    for node in lost:
        slurm.start_node(node)
    slurm.wait_for_nodes(lost)


def assert_same_run(folder, undisturbed):
    """The same data in the same order, and the same losses but for the order of sums over ranks."""
    ours, theirs = metrics(folder), metrics(undisturbed)
    assert [line["consumed_samples"] for line in ours] == [line["consumed_samples"] for line in theirs]
    np.testing.assert_allclose([line["loss"] for line in ours], [line["loss"] for line in theirs], rtol=1e-6)


def test_a_spare_node_takes_over_inside_the_allocation(survivors, undisturbed):
    job, folder = survivors["spare"]
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert "on n0,n1" in job.text() and "lost: n1" in job.text() and "on n0,n2" in job.text()
    assert job.field("Restarts") == "0"
    assert_same_run(folder, undisturbed)


def test_without_spares_the_run_goes_on_with_the_nodes_that_are_left(survivors, undisturbed):
    job, folder = survivors["left"]
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert "going on with 1 nodes instead of 2" in job.text()
    assert_same_run(folder, undisturbed)


@pytest.mark.parametrize("name", ["ranks", "script"])
def test_slurm_requeues_a_job_that_lost_a_node_with(survivors, undisturbed, name):
    job, folder = survivors[name]
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert job.field("Restarts") == "1" and job.field("NumNodes") == "1"
    assert_same_run(folder, undisturbed)
