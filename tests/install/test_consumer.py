"""Somebody else's program against the moved installation, by CMake and by pkg-config."""

import shutil
import subprocess

import pytest

from conftest import ROOT, run
from installation import variable

CONSUMER = ROOT / "tests/install/consumer"


@pytest.fixture
def project(tmp_path):
    return shutil.copytree(CONSUMER, tmp_path / "consumer")


def look(installed, program, trained, shards):
    printed = installed.run_alone(program, trained, shards).stdout
    assert printed == "checkpoint 4\ncheckpoint 2\nsamples 16\n"


def configure(installed, project, *more, code=0):
    return installed.run("cmake", "-S", project, "-B", project / "build", "-G", "Ninja",
                         f"-DCMAKE_PREFIX_PATH={installed.prefix}", *more, code=code).stderr


def test_cmake_finds_the_package(installed, project, trained, shards):
    configure(installed, project)
    installed.run("cmake", "--build", project / "build")
    look(installed, project / "build/look", trained, shards)


def test_cmake_finds_the_layers_above_libtorch(installed, project, trained, shards):
    configure(installed, project, "-DLAYERS=torch", f"-DLIBTORCH={variable('LIBTORCH') or ROOT / '.deps/libtorch'}")
    installed.run("cmake", "--build", project / "build")
    assert (project / "build/look").is_file()


def test_cmake_says_what_the_layers_above_libtorch_need(installed, project):
    printed = configure(installed, project, "-DLAYERS=torch", "-DLIBTORCH=/nowhere", code=1)
    assert "-DLIBTORCH=FOLDER" in printed and "/nowhere" in printed


def test_another_minor_version_is_not_taken(installed, project):
    (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(p)\nfind_package(dfm 0.0.9 REQUIRED)\n")
    assert "0.0.9" in configure(installed, project, code=1)


def test_pkg_config_finds_the_module(installed, project, trained, shards):
    env = {"PKG_CONFIG_PATH": str(installed.prefix / "lib/pkgconfig")}
    installed.run("make", "-C", project, env=env)
    look(installed, project / "look", trained, shards)
