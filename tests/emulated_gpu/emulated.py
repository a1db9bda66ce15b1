"""dfm's programs on emulated GPUs (tests/emulated_gpu/CMakeLists.txt): four in a node."""

import json
from collections import Counter

import pytest

from conftest import BIN, TINY_MOCK, run

FOLDER = BIN.parent / "emulated_gpu"
GPUS = {"LD_LIBRARY_PATH": str(FOLDER / "driver")}
FAMILIES = {"dit": [], "wan": ["model.family=wan", "model.text_dim=32"],
            "stdit": ["model.family=stdit", "dataset.F_latents=3"],
            "moviegen": ["model.family=moviegen", "model.num_query_groups=2"],
            "ecdit": ["model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=32", "model.num_moe_experts=4",
                      "model.moe_expert_capacity_factor=2"]}
# Ranks divide the six samples of a step evenly.
WORDS = ["train.train_iters=4", "checkpoint.save_interval=0"]


def on_gpus(program, *words, env=None, **options):
    return run(FOLDER / "bin" / program, *words, env={**GPUS, **(env or {})}, **options)


def train(where, folder, family, *words, **options):
    """where: run or on_gpus. Returns what was logged."""
    where = where if where is run else on_gpus
    return where("dfm_train", *TINY_MOCK, *WORDS, *FAMILIES[family], f"checkpoint.save={folder}", *words, **options).stderr


def loss_of(folder):
    return [line["loss"] for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if "loss" in line]


def assert_same_losses(folder, expected, relative):
    assert len(loss_of(folder)) >= 4
    assert loss_of(folder) == pytest.approx(loss_of(expected), rel=relative, abs=0)


def counts_of(folder, kind):
    """What all ranks of a run asked of their GPUs, summed; kind: operators or waits."""
    total = Counter()
    for path in folder.glob("*.json"):
        total.update(json.loads(path.read_text())[kind])
    return total
