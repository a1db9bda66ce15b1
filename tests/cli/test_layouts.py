"""Layouts of a training run from outside: the losses of one rank, checkpoints that any other layout loads,
and layouts that cannot be."""

import numpy as np
import pytest

from conftest import TINY, run
from run_files import losses
from test_train import with_a_bad_sample

TENSOR_2 = ["model.tensor_model_parallel_size=2"]
TENSOR_4 = ["model.tensor_model_parallel_size=4"]
CONTEXT_2 = ["model.context_parallel_size=2"]
FSDP = ["ddp.use_megatron_fsdp=true"]
STAGES_2 = ["model.pipeline_model_parallel_size=2"]
EXPERTS = ["model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=24", "model.num_moe_experts=5",
           "model.moe_expert_capacity_factor=2", "model.cross_residual=paper"]
EXPERTS_2 = ["model.expert_model_parallel_size=2"]
BOTH_2 = [*TENSOR_2, *CONTEXT_2, "model.cp_comm_type=a2a"]


def train(shards, folder, *words, ranks, code=0, iters=8):
    return run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", f"train.train_iters={iters}",
               *words, ranks=ranks, code=code)


def loss_of(folder):
    return [line["loss"] for line in losses(folder) if "loss" in line]


def assert_the_losses_of_one_rank(shards, folder, layout, ranks, network=(), iters=20):
    """In training and validation, where pictures are drawn, too."""
    words = [*network, "checkpoint.save_interval=0", f"train.eval_interval={iters // 2}", "dataset.use_train_split_for_val=true",
             'validation.prompts=["a red square"]', "validation.image_size=32", "validation.num_steps=2"]
    train(shards, folder / "one", *words, ranks=1, iters=iters)
    train(shards, folder / "many", *words, *layout, ranks=ranks, iters=iters)
    one, many = losses(folder / "one"), losses(folder / "many")
    assert len(one) == len(many) >= iters
    for expected, actual in zip(one, many):
        assert expected.keys() == actual.keys()
        for key in [key for key in expected if "loss" in key and np.isscalar(expected[key])]:
            np.testing.assert_allclose(actual[key], expected[key], rtol=1e-5)


@pytest.mark.parametrize("layout, ranks", [(TENSOR_2, 2), (TENSOR_2, 4), (BOTH_2, 4), (FSDP, 3), ([*STAGES_2, *FSDP], 4),
                                           ([*TENSOR_2, *STAGES_2], 4)])
def test_a_layout_gives_the_losses_of_one_rank(shards, tmp_path, layout, ranks):
    assert_the_losses_of_one_rank(shards, tmp_path, layout, ranks)


@pytest.mark.parametrize("layout", [[*TENSOR_2, *EXPERTS_2], [*EXPERTS_2, *FSDP, "model.recompute_granularity=full"]])
def test_experts_over_ranks_give_the_losses_of_one_rank(shards, tmp_path, layout):
    assert_the_losses_of_one_rank(shards, tmp_path, layout, 4, EXPERTS, iters=6)


@pytest.mark.parametrize("saved, loaded", [((TENSOR_2, 2), ([], 3)), (([], 2), (TENSOR_4, 4)), ((TENSOR_4, 4), (TENSOR_2, 4)),
                                           ((FSDP, 3), (TENSOR_2, 2)), ((BOTH_2, 4), (FSDP, 2)),
                                           (([*TENSOR_2, *STAGES_2], 4), ([], 2)), ((FSDP, 2), ([*STAGES_2, *FSDP], 4))])
def test_a_checkpoint_of_one_layout_goes_on_in_another(shards, tmp_path, saved, loaded):
    train(shards, tmp_path / "undisturbed", ranks=1, iters=8)
    train(shards, tmp_path / "moved", *saved[0], "train.stop_after_steps=4", ranks=saved[1], code=75)
    printed = train(shards, tmp_path / "moved", *loaded[0], ranks=loaded[1]).stderr
    assert "resuming from" in printed and "at iteration 4" in printed
    np.testing.assert_allclose(loss_of(tmp_path / "moved"), loss_of(tmp_path / "undisturbed"), rtol=1e-6)


def test_a_layout_without_work_for_every_rank_is_refused_with_the_nearest_that_works(tmp_path):
    printed = run("dfm_train", "--mock", *TINY, f"checkpoint.save={tmp_path}", "model.tensor_model_parallel_size=6",
                  ranks=6, code=2).stderr
    assert "4 attention heads (model.num_attention_heads) do not divide over 6 tensor parallel ranks" in printed
    assert "model.tensor_model_parallel_size=3" in printed


@pytest.mark.parametrize("words, ranks, says", [
    (["model.pipeline_model_parallel_size=4"], 4,
     ["2 layers (model.num_layers) do not divide over 4 pipeline ranks x 1 chunks", "2 of them would have none",
      "model.pipeline_model_parallel_size=2"]),
    ([*STAGES_2, "model.num_layers=5", "model.virtual_pipeline_model_parallel_size=3"], 2,
     ["5 layers", "2 pipeline ranks x 3 chunks", "= 6: 1 of them", "model.virtual_pipeline_model_parallel_size=2 at most"]),
    (["model.virtual_pipeline_model_parallel_size=2"], 1, ["with one pipeline rank"]),
    (EXPERTS_2, 2, ["no experts to divide over 2 ranks", "model.expert_model_parallel_size at 1"]),
    ([*EXPERTS, "model.expert_model_parallel_size=6"], 6, ["5 experts", "6 expert parallel ranks: 1 of them", "model.expert_model_parallel_size=3"]),
    ([*EXPERTS, *EXPERTS_2], 3, ["expert parallel 2 does not divide data parallel 3", "choose a divisor of 3"]),
])
def test_stages_and_experts_that_cannot_be_divided_are_refused_before_anything_is_allocated(tmp_path, words, ranks, says):
    printed = run("dfm_train", "--mock", *TINY, f"checkpoint.save={tmp_path}", *words, ranks=ranks, code=2).stderr
    assert all(part in printed for part in says), printed
    assert "parameters;" not in printed


def test_a_sample_that_one_stage_cannot_embed_ends_all_of_them(shards, tmp_path):
    words = [*STAGES_2, "model.max_img_h=2", "train.train_iters=2"]
    assert "max_img_h" in run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path}", *words, ranks=2,
                              code=2).stderr


def test_the_tokens_are_always_shared_with_the_layers(tmp_path):
    printed = run("dfm_train", "--mock", *TINY, f"checkpoint.save={tmp_path}", *TENSOR_2,
                  "model.sequence_parallel=false", ranks=2, code=2).stderr
    assert "model.sequence_parallel = false" in printed and "leave model.sequence_parallel out" in printed


@pytest.mark.parametrize("how, ranks", [(["model.cp_comm_type=a2a"], 2),
                                        (["model.cp_comm_type=a2a+p2p",
                                          'model.hierarchical_context_parallel_sizes=["2","2"]'], 4)])
def test_ranks_that_share_sequences_give_the_losses_of_one(shards, tmp_path, how, ranks):
    train(shards, tmp_path / "one", ranks=1, iters=4)
    train(shards, tmp_path / "many", f"model.context_parallel_size={ranks}", *how, ranks=ranks, iters=4)
    np.testing.assert_allclose(loss_of(tmp_path / "many"), loss_of(tmp_path / "one"), rtol=1e-5)


def test_an_exchange_of_heads_among_more_ranks_than_heads_is_refused(tmp_path):
    printed = run("dfm_train", "--mock", *TINY, f"checkpoint.save={tmp_path}", "model.tensor_model_parallel_size=2",
                  "model.context_parallel_size=4", "model.cp_comm_type=a2a", ranks=8, code=2).stderr
    assert "leave 2 to some, too few to exchange among 4 context parallel ranks" in printed
    assert "model.cp_comm_type=p2p" in printed


def test_a_bad_sample_is_read_and_reported_by_one_of_the_ranks_that_share_it(shards, tmp_path):
    data = with_a_bad_sample(shards, tmp_path / "shards")
    printed = train(data, tmp_path / "run", *BOTH_2, "dataset.max_bad_samples=1", ranks=4, iters=4).stderr
    assert printed.count("left out") == 1
    run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path / 'strict'}", *CONTEXT_2, ranks=2, code=3)


def test_reading_alone_counts_what_ranks_share_once(shards):
    printed = run("dfm_train", *TINY, "--data-only", f"dataset.path={shards}", "train.train_iters=7", *CONTEXT_2,
                  ranks=4).stderr
    assert "data only: 7 steps, 42 samples" in printed
