"""kill -9 of a run whose ranks share the model: it goes on with the bits of an undisturbed one."""

import json
import os
import random
import time

import h5py
import numpy as np
import pytest

from conftest import TINY, run, start
from life import kill_all


def tensors(checkpoint):
    found = {}
    for path in sorted(checkpoint.glob("rank_*.h5")):
        with h5py.File(path) as file:
            for kind in file:
                for name in file[kind]:
                    found[path.name, kind, name] = file[kind][name][()]
    return found


def metrics(folder):
    return [{k: v for k, v in json.loads(line).items() if k != "step_seconds"}
            for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("layout, ranks", [(["model.tensor_model_parallel_size=2"], 4)])
def test_a_kill_leaves_the_bits_of_an_undisturbed_run(shards, tmp_path, layout, ranks):
    words = [*TINY, f"dataset.path={shards}", "train.train_iters=40", "checkpoint.save_interval=2", "train.ema_decay=0.9",
             *layout]
    started = time.monotonic()
    run("dfm_train", *words, f"checkpoint.save={tmp_path / 'undisturbed'}", ranks=ranks)
    seconds = time.monotonic() - started
    chance = random.Random(seed := int(os.environ.get("DFM_TEST_SEED", random.SystemRandom().randrange(2**32))))
    print(f"DFM_TEST_SEED={seed}")
    folder = tmp_path / "killed"
    for _ in range(3):
        process = start("dfm_train", *words, f"checkpoint.save={folder}", ranks=ranks)
        time.sleep(chance.uniform(0.3, 0.9) * seconds)
        kill_all(process)
    run("dfm_train", *words, f"checkpoint.save={folder}", ranks=ranks)
    expected, actual = (tensors(path / "iter_0000040") for path in (tmp_path / "undisturbed", folder))
    assert expected.keys() == actual.keys() and len(expected) > 0
    for key, values in expected.items():
        assert np.array_equal(actual[key], values), key
    assert metrics(folder) == metrics(tmp_path / "undisturbed")
