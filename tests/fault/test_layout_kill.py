"""kill -9 of a run whose ranks share the model: it goes on with the bits of an undisturbed one."""

import os
import random
import time

import pytest

from conftest import TINY, run, start
from life import kill_all
from run_files import assert_same_bits, losses, tensors


EXPERTS = ["model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=24", "model.num_moe_experts=5",
           "model.moe_expert_capacity_factor=2"]


@pytest.mark.parametrize("layout, ranks", [
    ([*EXPERTS, "model.expert_model_parallel_size=2", "model.tensor_model_parallel_size=2"], 4),
    (["model.tensor_model_parallel_size=2", "model.pipeline_model_parallel_size=2"], 8)])
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
    assert_same_bits(tensors(tmp_path / "undisturbed/iter_0000040"), tensors(folder / "iter_0000040"))
    assert losses(folder) == losses(tmp_path / "undisturbed")
