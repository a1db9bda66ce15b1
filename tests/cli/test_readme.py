"""README.md says what is true: its commands run, its links lead somewhere, its tables agree with the programs."""

import os
import re
import subprocess

import pytest

from conftest import BIN, ENVIRONMENT, ROOT, run
from test_program_frame import PROGRAMS

README = (ROOT / "README.md").read_text()
EXAMPLES = [block for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S) if "dfm_" in block]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_run_as_they_are_written(example, tmp_path):
    (tmp_path / "share").symlink_to(ROOT / "share")
    environment = {**ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", example], cwd=tmp_path, env=environment, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_there_are_examples_of_all_programs():
    for program in PROGRAMS:
        assert any(program in example for example in EXAMPLES), program


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_make_has_the_commands_that_it_names():
    targets = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in set(re.findall(r"\bmake ([a-z-]+)", README)):
        assert f"make {command}" in targets, command


def test_it_names_every_recipe():
    for recipe in (ROOT / "config/recipes").glob("*.ini"):
        assert f"`{recipe.stem}`" in README, recipe.stem


def test_its_exit_codes_are_those_of_the_programs(tmp_path):
    documented = {int(code) for code in re.findall(r"\| (\d+) \|", README.split("## Exit codes")[1].split("\n## ")[0])}
    assert documented == {0, 1, 2, 3, 4, 5, 6, 7, 75}
    assert run("dfm_train", "--no-such-option", code=2).returncode in documented
