"""The module file in a real Lmod: loads, works, and leaves nothing behind."""

import os
from pathlib import Path

import pytest
from installation import version

INIT = [Path(os.environ.get("LMOD_PKG", "/usr/share/lmod/lmod")) / "init/bash", Path("/usr/share/lmod/lmod/init/bash")]
LMOD = next((path for path in INIT if path.is_file()), None)
pytestmark = pytest.mark.skipif(LMOD is None, reason="needs Lmod")

# All that a shell can keep, without Lmod's own records (which every module changes) and the last word ($_).
SNAPSHOT = r"""snapshot() {
  env -0 | sort -z | tr '\0' '\n' | grep -v -E '^(_|_ModuleTable|__LMOD_REF_COUNT|LMOD_)'
  declare -F; declare -f; alias; complete -p; shopt; set -o
}
"""


def shell(installed, text, **env):
    """Runs this text in a bash with Lmod that knows the installation's modules, and nothing else."""
    start = f"source {LMOD}\nmodule use '{installed.prefix}/share/modulefiles'\n{SNAPSHOT}"
    done = installed.run("bash", "--norc", "-c", start + text, env={"PATH": installed.plain["PATH"], **env})
    return done.stdout, done.stderr


def test_loading_gives_programs_pages_and_folders(installed):
    printed, errors = shell(installed, """module load dfm
        for program in dfm_prepare dfm_index dfm_train dfm_consolidate dfm_sample; do $program --version; done
        command -v dfm_train; man -w dfm_train; man -w ls > /dev/null && echo system pages as well
        echo "$DFM_ROOT"; pkg-config --modversion dfm; echo "$CMAKE_PREFIX_PATH" """)
    root = str(installed.prefix)
    assert errors == ""
    assert printed.splitlines() == [
        *(f"{p} {version()}" for p in ["dfm_prepare", "dfm_index", "dfm_train", "dfm_consolidate", "dfm_sample"]),
        f"{root}/bin/dfm_train", f"{root}/share/man/man1/dfm_train.1", "system pages as well", root, version(), root]


@pytest.mark.parametrize("manpath", ["/opt/man:", "/opt/man:/usr/share/man"])
def test_pages_are_found_where_the_site_sets_manpath(installed, manpath):
    printed, _ = shell(installed, "module load dfm; man -w dfm_train; man -w ls > /dev/null && echo both", MANPATH=manpath)
    assert printed == f"{installed.prefix}/share/man/man1/dfm_train.1\nboth\n"


@pytest.mark.parametrize("manpath", [{}, {"MANPATH": "/opt/man:"}, {"MANPATH": "/opt/man"}])
def test_unloading_restores_the_shell_byte_for_byte(installed, manpath):
    printed, _ = shell(installed, """snapshot > before; module load dfm; snapshot > loaded
        COMP_WORDS=(dfm_train --log-level w) COMP_CWORD=2; _dfm_train dfm_train; echo "$COMPREPLY"
        module unload dfm; snapshot > after; cmp before after && echo same; cmp -s before loaded || echo changed""", **manpath)
    assert printed == "warning\nsame\nchanged\n"


@pytest.mark.parametrize("manpath", [{}, {"MANPATH": "/opt/man"}])
def test_loading_twice_changes_nothing_more(installed, manpath):
    printed, errors = shell(installed, """snapshot > empty; module load dfm; snapshot > once; module load dfm
        snapshot > twice; cmp once twice && echo same; module unload dfm; snapshot > after; cmp empty after && echo gone""", **manpath)
    assert (printed, errors) == ("same\ngone\n", "")


def test_completion_works_after_loading(installed):
    printed, _ = shell(installed, """module load dfm; complete -p dfm_sample
        COMP_WORDS=(dfm_train train.precision = b) COMP_CWORD=3; _dfm_train dfm_train; echo "${COMPREPLY[@]}"
        COMP_WORDS=(dfm_train --recipe dit_x) COMP_CWORD=2; _dfm_train dfm_train; echo "${COMPREPLY[@]}" """)
    assert printed == "complete -o default -F _dfm_sample dfm_sample\nbf16_mixed\ndit_xl\n"


@pytest.mark.parametrize("command", ["whatis", "help", "spider", "show"])
def test_lmod_describes_the_module(installed, command):
    assert "Diffusion transformers on Slurm clusters" in shell(installed, f"module --redirect {command} dfm")[0]


def fake_mpirun(folder, text):
    folder.mkdir()
    (folder / "mpirun").write_text(f"#!/bin/sh\necho '{text}'\n")
    (folder / "mpirun").chmod(0o755)
    return f"{folder}:"


def test_another_mpi_is_warned_of(installed, tmp_path):
    path = fake_mpirun(tmp_path / "mpich", "HYDRA build details: Version: 4.0.2") + installed.plain["PATH"]
    _, errors = shell(installed, "module load dfm", PATH=path)
    assert "mpirun is of MPICH, but dfm was built with" in " ".join(errors.split())


def test_no_mpi_at_all_is_warned_of(installed, tmp_path):
    for folder in ["/usr/bin", "/bin"]:
        for program in os.listdir(folder):
            link = tmp_path / program
            if not program.startswith(("mpirun", "mpiexec", "srun", "orterun", "prterun")) and not link.is_symlink():
                link.symlink_to(f"{folder}/{program}")
    _, errors = shell(installed, "module load dfm; dfm_train --version", PATH=str(tmp_path))
    assert "neither mpirun nor srun is in the PATH" in " ".join(errors.split())


def test_a_copied_module_file_says_that_it_must_not_be_copied(installed, tmp_path):
    copy = tmp_path / "modules/dfm"
    copy.mkdir(parents=True)
    (copy / "9.lua").write_bytes((installed.prefix / f"share/modulefiles/dfm/{version()}.lua").read_bytes())
    _, errors = shell(installed, f"module use {tmp_path}/modules; module load dfm/9; true")
    assert "do not copy or link the file" in errors
