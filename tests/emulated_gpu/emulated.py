"""dfm's programs on emulated GPUs (tests/emulated_gpu/CMakeLists.txt): four in a node."""

import json
from collections import Counter

import pytest

from conftest import BIN, TINY_MOCK, run

FOLDER = BIN.parent / "emulated_gpu"
# Freed memory is overwritten, so that whoever looks at it later fails.
GPUS = {"LD_LIBRARY_PATH": str(FOLDER / "driver"), "GLIBC_TUNABLES": "glibc.malloc.perturb=85"}
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
    return where("dfm_train", *TINY_MOCK, *WORDS, *FAMILIES[family], f"checkpoint.save={folder}", *words, **options).stderr


def loss_of(folder):
    return [line["loss"] for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if "loss" in line]


def assert_same_losses(folder, expected, relative):
    assert len(loss_of(folder)) >= 4
    assert loss_of(folder) == pytest.approx(loss_of(expected), rel=relative, abs=0)


def waits_of_two_steps(folder, family, *words, **options):
    """How often the hosts of all ranks waited for their GPUs between the second step and the fourth, by cause."""
    waits = []
    for steps in (2, 4):
        counts = folder / str(steps)
        counts.mkdir()
        train(on_gpus, counts / "run", family, *words, f"train.train_iters={steps}",
              env={"DFM_EMULATED_GPU_COUNTS": str(counts)}, **options)
        waits.append(sum((Counter(json.loads(path.read_text())["waits"]) for path in counts.glob("*.json")), Counter()))
    return waits[1] - waits[0]
