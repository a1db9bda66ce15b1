"""What all programs share: help, version, errors, exit codes, configuration."""

import subprocess
import time
from pathlib import Path

import pytest

from conftest import ENVIRONMENT, run, start

PROGRAMS = ["dfm_prepare", "dfm_index", "dfm_train", "dfm_consolidate", "dfm_sample"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_explains_options_and_keys_on_stdout(program):
    printed = run(program, "--help").stdout
    assert f"Usage: {program}" in printed
    assert "--config-file" in printed and "Configuration keys" in printed and "Examples:" in printed


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_is_one_line(program):
    assert run(program, "--version").stdout.startswith(f"{program} 0.")


def test_help_is_printed_once_by_several_ranks():
    assert run("dfm_index", "--help", ranks=3).stdout.count("Usage:") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_a_usage_error_with_a_hint(program):
    printed = run(program, "--no-such-option", code=2).stderr
    assert "no-such-option" in printed and "hint" in printed


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_key_names_the_nearest_one(program):
    printed = run(program, "trian.train_iters=3", code=2).stderr
    assert "trian.train_iters" in printed and "train.train_iters" in printed


def test_every_rank_leaves_with_the_documented_code():
    # mpirun reports the code of the first rank that failed; a hang or another code would show here.
    run("dfm_train", "--mock", "optimizer.lr=fast", ranks=3, code=2)


def test_an_error_is_printed_once():
    printed = run("dfm_train", "--mock", "model.hidden_size=100", ranks=3, code=2).stderr
    assert printed.count("model.hidden_size = 100") == 1


def test_the_printed_configuration_shows_origins_and_reads_back(tmp_path):
    yaml = tmp_path / "my.yaml"
    yaml.write_text("train:\n  global_batch_size: 16\noptimizer:\n  lr: 2e-4\n")
    words = ["--recipe", "dit_b", "--config-file", yaml, "optimizer.learning_rate=3e-4", "--print-config"]
    first = run("dfm_train", *words).stdout
    assert "hidden_size = 768" in first and "recipe dit_b" in first
    assert "global_batch_size = 16" in first and "my.yaml:2" in first
    assert "lr = 0.0003" in first and "command line" in first
    again = tmp_path / "again.ini"
    again.write_text(first)
    second = run("dfm_train", "--config-file", again, "--print-config").stdout
    values = lambda text: [line.split(";")[0].rstrip() for line in text.splitlines()]
    assert values(second) == values(first)


def test_topology_maps_ranks_to_nodes():
    printed = run("dfm_index", "--topology", ranks=3).stdout
    assert printed.startswith("node 0") and printed.rstrip().endswith("ranks 0 1 2")


def test_a_lonely_task_of_several_is_refused():
    printed = run("dfm_index", "/tmp", code=2, env={"SLURM_NTASKS": "4"}).stderr
    assert "SLURM_NTASKS" in printed and "--mpi" in printed
    assert "SLURM_NTASKS" not in ENVIRONMENT


def test_a_missing_config_file_is_a_usage_error():
    assert "nowhere.yaml" in run("dfm_train", "--config-file", "nowhere.yaml", code=2).stderr


def test_a_program_that_no_launcher_started_starts_no_daemon(tmp_path):
    with start("dfm_train", "--mock", f"checkpoint.save={tmp_path}/run", "train.train_iters=1000000", "dataset.H_latents=4",
               "dataset.W_latents=4", "dataset.F_latents=1", "dataset.mock_samples=8", "model.num_layers=1",
               "train.global_batch_size=1", "train.eval_interval=0") as program:
        try:
            while "iteration" not in program.printed():
                assert program.poll() is None, program.printed()
                time.sleep(0.05)
            children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
        finally:
            program.kill()
    assert not children, subprocess.run(["ps", "-o", "args", *children.split()], capture_output=True, text=True).stdout
