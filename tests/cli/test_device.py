"""device.type: what to compute on."""

import shutil

import pytest

from conftest import TINY_MOCK, run

NO_GPU = pytest.mark.skipif(bool(shutil.which("nvidia-smi")), reason="a machine with a GPU")


@NO_GPU
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_gpu_where_there_is_none_is_refused_with_the_remedy(tmp_path, ranks):
    printed = run("dfm_train", *TINY_MOCK, "device.type=cuda", f"checkpoint.save={tmp_path / 'run'}", ranks=ranks, code=2).stderr
    assert "no GPU can be used" in printed and "type cpu computes without one" in printed
    assert not list(tmp_path.glob("run/iter_*"))


def test_what_a_device_may_be_is_named(tmp_path):
    printed = run("dfm_train", *TINY_MOCK, "device.type=gpu", f"checkpoint.save={tmp_path / 'run'}", code=2).stderr
    assert "auto" in printed and "cpu" in printed and "cuda" in printed
