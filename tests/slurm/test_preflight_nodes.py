"""dfm_train --preflight on several nodes: a row for each, and the slowest is named."""

import re

from job import JOB_ENVIRONMENT

from conftest import BIN, TINY

ROW = re.compile(r"^(n\d)\s+(\d+)\s+([\d.]+) (\w+)/s\s+([+-][\d.]+) ms  (.*)$", re.MULTILINE)
UNITS = {"MiB": 1, "GiB": 1024}


CRASHED = 139


def preflight(slurm, folder, shards):
    """Once more where Open MPI 4.1.4 crashes inside MPI_Init: over TCP a message now and then finds no receiver yet."""
    words = ["srun", "--mpi=pmix", "--nodes=3", "--ntasks=6", "--ntasks-per-node=2", "--nodelist=n[0-2]",
             BIN / "dfm_train", "--preflight", *TINY, f"checkpoint.save={folder}", f"dataset.path={shards}"]
    done = slurm.run(*words, env=JOB_ENVIRONMENT, timeout=200)
    return slurm.run(*words, env=JOB_ENVIRONMENT, timeout=200) if done.returncode == CRASHED else done


def test_the_table_has_a_row_a_node_and_the_slowest_is_named(slurm, shards, tmp_path):
    done = preflight(slurm, tmp_path / "run", shards)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = ROW.findall(done.stdout)
    assert [(name, ranks) for name, ranks, *_ in rows] == [("n0", "2"), ("n1", "2"), ("n2", "2")], done.stdout
    assert all(abs(float(skew)) < 1000 and "cores" in facts for *_, skew, facts in rows)
    named = re.search(r"^slowest node: (n\d) \(([\d.]+) (\w+)/s", done.stdout, re.MULTILINE)
    speeds = {name: float(speed) * UNITS[unit] for name, _, speed, unit, *_ in rows}
    assert speeds[named[1]] == min(speeds.values()) == float(named[2]) * UNITS[named[3]]
    # One machine is all of them here, and yet messages between two of them are another class than those inside one.
    assert re.search(r"all-reduce: [\d.]+ \w+/s inside a node, [\d.]+ \w+/s between nodes", done.stdout)


def test_a_failed_check_decides_the_code_and_the_table_is_printed_too(slurm, shards, tmp_path):
    (tmp_path / "file").touch()
    done = preflight(slurm, tmp_path / "file/run", shards)
    assert done.returncode == 4 and "not ready" in done.stdout, done.stdout + done.stderr
    assert len(ROW.findall(done.stdout)) == 3 and "slowest node: n" in done.stdout
