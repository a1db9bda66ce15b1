"""make demo, judged: ten of each digit, recognised as what was asked for, and varied."""

import subprocess

import pytest
from digits_quality import judge

from conftest import BIN, ENVIRONMENT, ROOT


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    environment = {k: v for k, v in ENVIRONMENT.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run([ROOT / "tools/demo", BIN, folder], env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_the_demo_ends_by_naming_what_to_look_at(demo):
    folder, printed = demo
    for name in ("samples/contact_sheet.png", "run/report.html"):
        assert name in printed
        assert (folder / name).stat().st_size > 1000


def test_training_was_stopped_in_the_middle_and_resumed(demo):
    _, printed = demo
    assert "stopping at iteration" in printed and "resuming from" in printed


def test_at_least_97_of_100_digits_are_what_was_asked_for(demo):
    folder, _ = demo
    recognised, _, _ = judge(folder / "samples")
    assert recognised >= 0.97


def test_digits_of_a_class_vary_at_least_0_6_as_much_as_real_ones(demo):
    folder, _ = demo
    _, least_spread, _ = judge(folder / "samples")
    assert least_spread >= 0.6
