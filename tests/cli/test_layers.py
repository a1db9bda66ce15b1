"""The house rules that a script can check: includes point down, programs are short."""

import re

from conftest import ROOT

SOURCES = [path for kind in ("cpp", "h", "cu", "cuh") for path in sorted((ROOT / "src").rglob(f"*.{kind}"))]


def layers():
    """Layer names in the order of src/CMakeLists.txt, lowest first."""
    text = (ROOT / "src/CMakeLists.txt").read_text()
    return re.findall(r"^dfm_(?:torch_)?library\((\w+)", text, re.MULTILINE)


def includes(path):
    return re.findall(r'^#include "(\w+)/', path.read_text(), re.MULTILINE)


def test_every_folder_is_a_layer():
    folders = {p.parent.relative_to(ROOT / "src").parts[0] for p in SOURCES}
    assert folders == {*layers(), "cuda", "bin"}


def test_includes_point_to_the_same_layer_or_a_lower_one():
    order = {name: i for i, name in enumerate([*layers(), "bin"])}
    order["cuda"] = order["nn"]
    wrong = [f"{path.relative_to(ROOT)} includes {target}/" for path in SOURCES for target in includes(path)
             if order[target] > order[path.relative_to(ROOT / "src").parts[0]]]
    assert wrong == []


def test_nothing_includes_the_half_for_gpus():
    assert [path for path in SOURCES if "cuda" in includes(path) and (ROOT / "src/cuda") not in path.parents] == []


def test_layers_below_the_line_know_no_libtorch():
    below = layers()[: layers().index("nn")]
    wrong = [path for path in SOURCES if path.relative_to(ROOT / "src").parts[0] in below
             and re.search(r"#include <(ATen|torch|c10)/", path.read_text())]
    assert wrong == []


def test_programs_are_under_120_lines():
    long = {p.name: n for p in (ROOT / "src/bin").glob("*.cpp") if (n := len(p.read_text().splitlines())) >= 120}
    assert long == {}


def test_no_file_is_over_400_lines():
    long = {p.name: n for p in SOURCES if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}
