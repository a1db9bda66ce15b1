"""The manual pages as man, groff and mandoc see them."""

import shutil

import pytest
from installation import version

PROGRAMS = ["dfm_prepare", "dfm_index", "dfm_train", "dfm_consolidate", "dfm_sample"]
pytestmark = pytest.mark.skipif(not (shutil.which("man") and shutil.which("mandoc")), reason="needs man-db and mandoc")


def page(installed, program):
    return installed.prefix / f"share/man/man1/{program}.1"


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_finds_and_prints_the_page_of_a_program_in_the_path(installed, program):
    assert installed.run("man", "-w", program).stdout.strip() == str(page(installed, program))
    printed = installed.run("man", program, env={"MANWIDTH": "200"}).stdout
    for word in ["NAME", "SYNOPSIS", "OPTIONS", "KEYS", "EXIT STATUS", "FILES", "EXAMPLES", "--config-file FILE",
                 f"dfm {version()}", "75"]:
        assert word in printed


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_shows_every_option_and_key_of_the_help(installed, program):
    words = [line.split()[0] for line in installed.run(program, "--help").stdout.splitlines()
             if line.startswith("  --") or (line.startswith("  ") and " = " in line and line[2] != " ")]
    printed = installed.run("man", program, env={"MANWIDTH": "200"}).stdout
    assert len(words) > 8
    assert [word for word in words if word not in printed] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_is_clean_for_groff_and_mandoc(installed, program):
    groff = installed.run("groff", "-man", "-Tutf8", "-ww", page(installed, program))
    assert groff.stderr == ""
    linted = installed.run("bash", "-c", 'mandoc -T lint -W warning "$1" || true', "-", page(installed, program))
    # A page speaks of a version, not of a day.
    problems = [line for line in linted.stdout.splitlines() if "missing date" not in line]
    assert problems == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_page_names_only_pages_that_exist(installed, program):
    text = page(installed, program).read_text().split(".SH SEE ALSO")[1]
    others = [word for word in PROGRAMS if word != program]
    assert all(f"{other}\\fR(1)" in text for other in others)
