"""dfm_train with every family: resuming, and any number of ranks."""

import pytest

from conftest import TINY_MOCK, run
from run_files import losses

FAMILIES = {"wan": ["model.family=wan", "model.text_dim=32"], "stdit": ["model.family=stdit", "dataset.F_latents=3"],
            "moviegen": ["model.family=moviegen"],
            "ecdit": ["model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=24", "model.num_moe_experts=5",
                      "model.moe_expert_capacity_factor=2"]}


def assert_same_losses(folder, expected, steps):
    """But for the order of sums."""
    ours, theirs = losses(folder), losses(expected)
    assert [line["iteration"] for line in ours] == [line["iteration"] for line in theirs] == list(range(1, steps + 1))
    assert [line["loss"] for line in ours] == pytest.approx([line["loss"] for line in theirs], rel=1e-5, abs=0)


@pytest.mark.parametrize("family", ["stdit", "ecdit"])
def test_resuming_on_other_ranks_gives_the_losses_of_an_undisturbed_run(tmp_path, family):
    words = ["dfm_train", *TINY_MOCK, *FAMILIES[family], "train.train_iters=3"]
    run(*words, f"checkpoint.save={tmp_path / 'whole'}")
    parts = [*words, f"checkpoint.save={tmp_path / 'parts'}"]
    run(*parts, "train.stop_after_steps=1", ranks=2, code=75)
    run(*parts, ranks=3)
    assert_same_losses(tmp_path / "parts", tmp_path / "whole", 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_with_its_parameters_divided(tmp_path, family):
    words = ["dfm_train", *TINY_MOCK, *FAMILIES[family], "model.num_layers=3", "train.train_iters=6", "checkpoint.save_interval=0"]
    run(*words, f"checkpoint.save={tmp_path / 'one'}")
    run(*words, f"checkpoint.save={tmp_path / 'many'}", "ddp.use_megatron_fsdp=true", ranks=3)
    assert_same_losses(tmp_path / "many", tmp_path / "one", 6)
