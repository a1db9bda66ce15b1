"""dfm_train --preflight: what can be found out before an allocation is spent on it."""

import time

import pytest

from conftest import TINY, TINY_MOCK, run


def preflight(folder, *words, ranks=2, code=0, env=None):
    return run("dfm_train", "--preflight", *words, f"checkpoint.save={folder}", ranks=ranks, code=code, env=env)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_sound_place_is_ready(tmp_path, ranks):
    printed = preflight(tmp_path / "run", *TINY_MOCK, ranks=ranks,
                        env={"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(int(time.time()) + 3630)}).stdout
    assert "slowest node: " in printed and "inside a node" in printed and "none, CPU" in printed
    assert "60 minutes left" in printed and "free" in printed and ": ready" in printed
    # It leaves nothing but the folder.
    assert list((tmp_path / "run").iterdir()) == []


def test_a_data_set_that_does_not_open_is_code_3(tmp_path):
    done = preflight(tmp_path / "run", *TINY, f"dataset.path={tmp_path}", code=3)
    assert "dfm_index" in done.stderr and "data set: not usable" in done.stdout and "not ready" in done.stdout


@pytest.mark.parametrize("words, env", [(["stage.scratch={0}"], {}), ([], {"DFM_SCRATCH": "{0}"}),
                                        (["checkpoint.local_save={0}", "checkpoint.local_save_interval=1"], {})])
def test_the_scratch_that_a_run_would_use_is_tried(tmp_path, words, env):
    def tried(scratch, code):
        return preflight(tmp_path / "run", *TINY_MOCK, *(word.format(scratch) for word in words), code=code,
                         env={name: value.format(scratch) for name, value in env.items()})

    assert f"{tmp_path / 'nvme'}, " in tried(tmp_path / "nvme", 0).stdout
    (tmp_path / "file").touch()
    assert str(tmp_path / "file/nvme") in tried(tmp_path / "file/nvme", 4).stderr


def test_the_first_failed_check_decides_the_code_and_the_others_are_made_too(tmp_path):
    (tmp_path / "file").touch()
    done = preflight(tmp_path / "file/run", *TINY, f"dataset.path={tmp_path}", code=4)
    assert "checkpoints: not usable" in done.stdout and "data set: not usable" in done.stdout
