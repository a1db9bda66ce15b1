"""dfm_train --plan from outside: what it counts, what it suggests, and keys that would have no effect."""

import json
import re

import pytest

from conftest import TINY_MOCK, run
from run_files import losses
from test_families import FAMILIES

GIB = 2**30


def plan(*words, code=0):
    return run("dfm_train", "--plan", "--json", *words, code=code)


def planned(*words):
    return json.loads(plan(*words).stdout)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_counts_the_parameters_and_bytes_of_a_run(tmp_path, family):
    words = [*TINY_MOCK, *FAMILIES[family], f"checkpoint.save={tmp_path}", "train.train_iters=1"]
    found = planned("--ranks", 2, *words)
    assert not list(tmp_path.iterdir())
    printed = run("dfm_train", *words, ranks=2).stderr
    assert len(losses(tmp_path)) == 1
    assert re.search(r"([\d,]+) parameters;", printed)[1] == f"{found['parameters']:,}"
    # Two moments and a sum of gradients of a rank's half, and in fp32 the weights themselves, are of four bytes.
    half = 4 * found["parameters"] / 2
    assert found["memory_bytes"]["gradients"] == pytest.approx(half, rel=0.02)
    assert found["memory_bytes"]["optimizer"] == pytest.approx(2 * half, rel=0.02)


def test_made_up_samples_are_as_long_as_a_run_would_make_them():
    words = ["--recipe", "train_mock", "model.num_layers=1", "model.hidden_size=64", "model.num_attention_heads=8"]
    words += ["dataset.seq_length=16", "dataset.task_encoder_seq_length=40"]
    assert planned(*words, "train.global_batch_size=2")["tokens_in_pack"] == 32
    assert planned(*words, "train.global_batch_size=1")["tokens_in_pack"] == 16


def test_the_layouts_that_it_suggests_fit_by_their_own_plan():
    words = [*TINY_MOCK, "--ranks", 4, "train.global_batch_size=4"]
    gib = planned(*words)["memory_bytes"]["peak"] / GIB  # leaves some out
    suggested = planned(*words, "--suggest", gib)["suggested"]
    assert 1 < len(suggested) < 12
    table = run("dfm_train", "--plan", *words, "--suggest", gib).stdout
    keys = re.findall(r" % waiting  (model\..+)", table)
    assert len(keys) == len(suggested)
    for layout, its_keys in list(zip(suggested, keys))[:: len(keys) - 1]:
        again = planned(*words, *its_keys.split())
        assert again == layout
        assert again["memory_bytes"]["peak"] <= gib * GIB


def test_experts_over_data_ranks_have_a_plan_and_are_suggested():
    words = [*TINY_MOCK, *FAMILIES["ecdit"], "--ranks", 4]
    one, two = planned(*words), planned(*words, "model.expert_model_parallel_size=2")
    assert two["layout"].startswith("4 ranks = 1 tensor x 1 context x 4 data x 1 pipeline, experts over 2 data")
    assert one["parameters"] == two["parameters"] and two["local_parameters"] < one["local_parameters"]
    assert two["memory_bytes"]["weights"] < one["memory_bytes"]["weights"]
    assert [each["bytes"] > 0 for each in two["traffic"] if each["group"] == "ep"] == [True]
    assert not [each for each in one["traffic"] if each["group"] == "ep"]
    suggested = [each["layout"] for each in planned(*words, "--suggest", 1)["suggested"]]
    assert any("experts over" in layout for layout in suggested)
    assert any("tensor x 2 context" in layout for layout in suggested)


def test_stages_of_a_pipeline_have_a_plan_with_what_they_wait():
    words = [*TINY_MOCK, "model.num_layers=5", "--ranks", 2, "train.global_batch_size=4",
             "dataset.task_encoder_seq_length=12"]
    one, two = planned(*words), planned(*words, "model.pipeline_model_parallel_size=2")
    assert one["parameters"] == two["parameters"] and two["local_parameters"] < one["local_parameters"]
    assert one["waiting_share"] == 0
    assert two["packs_in_step"] == 4 and two["waiting_share"] == pytest.approx(1 / 5)
    assert [each["bytes"] > 0 for each in two["traffic"] if each["group"] == "pp"] == [True, True]
    assert "stages wait for each other" in run("dfm_train", "--plan", *words, "model.pipeline_model_parallel_size=2").stdout
    assert "2 of them would have none" in plan(*words, "--ranks", 7, "model.pipeline_model_parallel_size=7", code=2).stderr


def test_it_says_where_nothing_fits():
    assert "none: give more ranks or memory" in run("dfm_train", "--plan", *TINY_MOCK, "--suggest", 1e-6).stdout


@pytest.mark.parametrize("words, says", [
    (["--plan", "model.tensor_model_parallel_size=3", "--ranks", 4], "4 ranks do not divide into replicas"),
    (["--ranks", 4], "plan.ranks is given without --plan"),
    (["--json"], "plan.json is given without --plan"),
    (["model.num_moe_experts=4"], "model.num_moe_experts = 4 with model.family = dit"),
    (["ddp.use_megatron_fsdp=true", "ddp.use_distributed_optimizer=false"], "ddp.use_distributed_optimizer = false with ddp.use_megatron_fsdp"),
    (["ddp.data_parallel_sharding_strategy=optim", "ddp.use_distributed_optimizer=false"], "strategy = optim"),
    (["ddp.data_parallel_sharding_strategy=no_shard", "ddp.num_distributed_optimizer_instances=2"], "nothing is divided"),
    (["dataset.seq_length=16"], "dataset.F_latents = 2 and dataset.seq_length = 16 both size"),
    (["--plan", "dataset.mock=false", "dataset.seq_length=16"], "dataset.seq_length = 16 without --mock"),
    (["dataset.aesthetic_score=5"], "dataset.aesthetic_score = 5 has no effect with dataset.mock = true"),
    (["dataset.path=/data"], "dataset.path = /data has no effect with dataset.mock = true"),
    (["--plan", "--dataset-path", "/data"], "dataset.path = /data has no effect with dataset.mock = true"),
    (["--plan", "--preflight"], "train.plan and train.preflight are both given"),
    (["--data-only", "--preflight"], "train.data_only and train.preflight are both given"),
    (["plan.ranks_per_node=4"], "plan.ranks_per_node = 4 has no effect without --plan"),
    (["train.data_only_step_seconds=0.5"], "train.data_only_step_seconds = 0.5 has no effect without --data-only"),
    (["checkpoint.local_save=/scratch"], "checkpoint.local_save = /scratch has no effect without checkpoints on the nodes' own disks"),
    (["checkpoint.sampling_file=x.safetensors"], "checkpoint.sampling_file = x.safetensors has no effect"),
    (["checkpoint.keep_every=100"], "checkpoint.keep_every = 100 has no effect with checkpoint.most_recent_k = -1"),
    (["validation.image_size=64"], "validation.image_size = 64 has no effect without validation.prompts"),
    (["stage.scratch=/scratch"], "stage.scratch = /scratch has no effect with stage.mode = none"),
    (["stage.mode=broadcast"], "stage.mode = broadcast has no effect with dataset.mock = true"),
    (["scheduler.lr_decay_style=constant", "optimizer.min_lr=1e-5"], "optimizer.min_lr = 1e-05 has no effect"),
    (["diffusion.flow_shift=5"], "diffusion.flow_shift = 5 has no effect where EDM is trained"),
    (["model.family=wan", "diffusion.p_mean=1"], "diffusion.p_mean = 1 has no effect where flow matching is trained"),
    (["diffusion.objective=flow", "diffusion.mode_scale=1"], "diffusion.mode_scale = 1 has no effect with diffusion.timestep_sampling = logit_normal"),
    (["model.num_query_groups=2"], "model.num_query_groups = 2 has no effect with model.family = dit"),
    (["model.family=moviegen", "model.moe_routing_group=pack"], "model.moe_routing_group = pack has no effect without experts"),
    (["model.recompute_method=block"], "model.recompute_method = block has no effect with model.recompute_granularity = none"),
    (["--dataset-path", "/data"], "dataset.path = /data has no effect with dataset.mock = true"),
    (["dataset.mock=false", "dataset.path=/data"], "dataset.F_latents = 2 has no effect with a data set"),
    (["dataset.balance=ranks", "dataset.packing_buffer_size=64"], "dataset.packing_buffer_size = 64 has no effect"),
    (["model.context_parallel_size=1", 'model.hierarchical_context_parallel_sizes=["1","1"]'], "is given with model.cp_comm_type = p2p"),
])
def test_words_that_would_have_no_effect_are_refused(tmp_path, words, says):
    assert says in run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", *words, code=2).stderr


def test_prompts_where_a_file_turns_validation_off_are_refused_and_where_the_command_does_are_not(tmp_path):
    (tmp_path / "off.ini").write_text("[train]\neval_interval = 0\n")
    words = ["dfm_train", "--plan", "--mock", "--config-file", tmp_path / "off.ini", 'validation.prompts=["a"]']
    assert "has no effect with train.eval_interval = 0" in run(*words, code=2).stderr
    run(*words, "train.eval_interval=0")


@pytest.mark.parametrize("words", [
    ["checkpoint.keep_every=0", "stage.mode=none", "model.text_dim=4096"],
    ["checkpoint.keep_every=100", "checkpoint.most_recent_k=2"],
    ["--config-file", "all.ini"],
])
def test_words_that_say_what_holds_and_keys_of_files_are_no_mistake(tmp_path, words):
    (tmp_path / "all.ini").write_text("[diffusion]\nflow_shift = 5\n[validation]\nimage_size = 64\n[stage]\nkeep = true\n")
    run("dfm_train", "--plan", *TINY_MOCK, *words, cwd=tmp_path)


def test_a_plan_for_a_data_set_takes_the_length_of_its_texts(tmp_path):
    words = [word for word in TINY_MOCK if not word.startswith("dataset.") and word != "--mock"]
    short, long = (planned(*words, "dataset.path=/data", f"dataset.context_seq_len={rows}") for rows in (8, 512))
    assert short["memory_bytes"]["activations"] < long["memory_bytes"]["activations"]
