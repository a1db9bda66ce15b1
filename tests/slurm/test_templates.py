"""jobs/*.sh as files: clean, accepted by sbatch as they are, documented; and the tools' templates at work."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from job import JOBS, Job, wait_until
from private_slurm import why_not

from conftest import ROOT, TINY

TEMPLATES = sorted(path.name for path in JOBS.glob("*.sh") if path.name != "common.sh")
SETTINGS = (JOBS / "common/settings.sh").read_text()


def test_there_is_one_for_each_tool_and_each_way_to_train():
    assert TEMPLATES == ["consolidate.sh", "index.sh", "prepare.sh", "sample.sh", "train_array.sh", "train_digits.sh",
                         "train_dit7b.sh", "train_spare_nodes.sh", "train_wan14b.sh"]


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck: tools/bootstrap test installs it where apt can")
def test_shellcheck_finds_nothing():
    # Each part is read with the templates, which source it.
    done = subprocess.run(["shellcheck", "-x", *(f"jobs/{name}" for name in TEMPLATES)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_sbatch_accepts_it_as_it_is(slurm, name):
    done = slurm.run("sbatch", "--test-only", JOBS / name)
    assert done.returncode == 0 and "to start at" in done.stderr, done.stderr


def test_all_look_for_what_they_share_in_the_same_words():
    looks = {re.search(r"^# Slurm runs a copy of this file.*?^\. [^\n]+$", (JOBS / name).read_text(), re.M | re.S)[0]
             for name in TEMPLATES}
    assert len(looks) == 1


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_names_no_site(name):
    directives = re.findall(r"^#SBATCH (\S+)", (JOBS / name).read_text(), re.M)
    assert not [d for d in directives if re.match(r"--(account|partition|qos|constraint|gres|mail-user|reservation)", d)]


def test_every_variable_has_a_default_and_a_line_in_the_manual():
    manual = (ROOT / "share/doc/slurm.md").read_text()
    used = {name for path in JOBS.rglob("*.sh") for name in re.findall(r"\bDFM_[A-Z_]+\b", path.read_text())}
    assert used
    for name in used:
        assert f"`{name}`" in manual, name
        assert f"{name}:=" in SETTINGS or name in ("DFM_JOBS", "DFM_RECIPE"), name


def test_variables_are_checked_before_anything_starts(slurm):
    job = Job(slurm, "train_digits.sh", [], ["--nodes=1"], env={"DFM_MAX_RESTARTS": "often"})
    assert job.wait_for_end() == ("FAILED", 2)
    assert "DFM_MAX_RESTARTS = 'often' is not a whole number" in job.text()


def test_an_installed_copy_finds_its_programs(slurm, tmp_path):
    """PREFIX/share/dfm/jobs beside PREFIX/bin, submitted from elsewhere."""
    prefix = tmp_path / "a prefix"
    shutil.copytree(JOBS, prefix / "share/dfm/jobs")
    (prefix / "bin").mkdir()
    program = prefix / "bin/dfm_index"
    program.write_text('#!/bin/sh\necho "installed, with $# words"\n')
    program.chmod(0o755)
    job = Job(slurm, prefix / "share/dfm/jobs/index.sh", ["a b", "c.sh"], ["--ntasks=1"], env={"DFM_BIN": ""})
    assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert "installed, with 2 words" in job.text()


def test_the_tools_make_a_picture_from_pictures(slurm, pictures, tmp_path):
    shards, run, weights = tmp_path / "shards", tmp_path / "run", tmp_path / "weights.safetensors"
    size = ["--height", "32", "--width", "32"]
    for template, words in [
        ("prepare.sh", [pictures, shards, *size, "--shard-maxcount", "4"]),
        ("index.sh", [shards, "--split-ratio", "4,2,0"]),
        ("train_digits.sh", [*TINY, f"dataset.path={shards}", f"checkpoint.save={run}", "train.train_iters=2"]),
        ("consolidate.sh", [run, weights]),
        ("sample.sh", [weights, "--prompt", "a red 'picture'", *size, "sample.num_steps=2", "--output", tmp_path / "samples"]),
    ]:
        ranks = 1 if template == "consolidate.sh" else 2
        job = Job(slurm, template, words, [f"--ntasks={ranks}"])
        assert job.wait_for_end() == ("COMPLETED", 0), job.text()
    assert list((tmp_path / "samples").glob("*.png"))


def test_everything_of_a_private_slurm_ends_with_the_process_that_started_it(tmp_path):
    if why_not():
        pytest.skip(why_not())
    script = ("import sys, time; from private_slurm import PrivateSlurm\n"
              "with PrivateSlurm(sys.argv[1], nodes=1) as slurm:\n"
              "    print(*(p.pid for p in slurm.processes.values()), flush=True); time.sleep(600)")
    folder = tempfile.mkdtemp(prefix="dfm-slurm-", dir="/tmp")
    process = subprocess.Popen([sys.executable, "-c", script, folder], cwd=ROOT / "tests/slurm", stdout=subprocess.PIPE,
                               text=True)
    assert len(process.stdout.readline().split()) == 3 and processes_that_name(folder)
    process.kill()
    process.wait()
    wait_until(lambda: not processes_that_name(folder), lambda: f"the end of {processes_that_name(folder)}")
    shutil.rmtree(folder)


def processes_that_name(folder):
    """By command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
