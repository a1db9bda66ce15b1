"""The Spack recipe against the CMake files: what one knows, the other knows. Spack itself is not needed."""

import ast
import re

from conftest import ROOT
from installation import version

RECIPE = ast.parse((ROOT / "share/spack/packages/dfm/package.py").read_text())
CMAKE = "\n".join((ROOT / name).read_text() for name in
                  ["CMakeLists.txt", "tests/CMakeLists.txt", *map(str, (ROOT / "cmake").glob("*.cmake"))])

# CMake's names where Spack has others; None: part of every system.
SPACK_NAMES = {"PkgConfig": "pkgconfig", "Threads": None, "MPI": "mpi", "HDF5": "hdf5", "Boost": "boost",
               "LibArchive": "libarchive", "ZLIB": "zlib-api", "nlohmann_json": "nlohmann-json", "XXHASH": "xxhash",
               "SQLITE": "sqlite", "SENTENCEPIECE": "sentencepiece",
               "LIBAV": "ffmpeg", "GTest": "googletest", "CUDAToolkit": "cuda"}


def calls(name):
    """The calls of a function or method in the recipe."""
    for node in ast.walk(RECIPE):
        if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            yield node


def first_words(name):
    """In the order of the file."""
    return [call.args[0].value for call in sorted(calls(name), key=lambda call: call.lineno)]


def dependencies():
    """Of each name what is said first: more may hold for a variant."""
    return {re.match(r"[\w-]+", spec)[0]: spec for spec in reversed(first_words("depends_on"))}


def test_every_option_of_cmake_is_decided_by_the_recipe():
    options = set(re.findall(r"^(?:option\(|set\((?=DFM_\w+ \S+ CACHE STRING))(DFM_\w+)", CMAKE, re.MULTILINE))
    assert {"DFM_TESTS", "DFM_BUNDLE_LIBTORCH", "DFM_CUDA"} <= options
    assert set(first_words("define")) == options | {"LIBTORCH"}


def test_the_recipe_depends_on_what_cmake_looks_for():
    found = set(re.findall(r"(?:find_package|pkg_check_modules)\((\w[\w-]*)", CMAKE))
    wanted = {SPACK_NAMES.get(name, name) for name in found} - {None}
    tools = {"c", "cxx", "cmake", "ninja"}
    assert set(dependencies()) == wanted | tools | {"py-torch", "nccl"}


def test_gpus_are_a_variant():
    assert first_words("variant") == ["cuda"] and "find_path(NCCL_INCLUDE_DIR" in CMAKE


def test_versions_are_the_same_in_both():
    assert version() in first_words("version")
    least_cmake = re.search(r"cmake_minimum_required\(VERSION ([\d.]+)\)", CMAKE)[1]
    assert dependencies()["cmake"] == f"cmake@{least_cmake}:"
    least_boost = re.search(r"find_package\(Boost ([\d.]+)", CMAKE)[1]
    assert dependencies()["boost"].startswith(f"boost@{least_boost}:")
    torch = re.search(r"^torch=(\d+\.\d+)", (ROOT / "tools/bootstrap").read_text(), re.MULTILINE)[1]
    assert dependencies()["py-torch"] == f"py-torch@{torch}"


def test_the_recipe_is_a_class_that_spack_finds_by_its_folder():
    (package,) = [node for node in RECIPE.body if isinstance(node, ast.ClassDef)]
    assert package.name == "Dfm" and [base.id for base in package.bases] == ["CMakePackage"]
    assert "namespace: dfm" in (ROOT / "share/spack/repo.yaml").read_text()
