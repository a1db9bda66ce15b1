"""dfm_train with model.num_moe_experts: resuming, and any number of ranks."""

from conftest import TINY, run
from test_train import losses

SMALL = [*TINY, "model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=24", "model.num_moe_experts=5",
         "model.moe_expert_capacity_factor=2", "--mock", "dataset.F_latents=2", "dataset.H_latents=4", "dataset.W_latents=6",
         "dataset.context_seq_len=5"]


def test_resuming_on_other_ranks_gives_the_losses_of_an_undisturbed_run(tmp_path):
    run("dfm_train", *SMALL, f"checkpoint.save={tmp_path / 'whole'}", "train.train_iters=3")
    parts = ["dfm_train", *SMALL, f"checkpoint.save={tmp_path / 'parts'}", "train.train_iters=3"]
    run(*parts, "train.stop_after_steps=1", ranks=2, code=75)
    run(*parts, ranks=3)
    whole, apart = (losses(tmp_path / each) for each in ("whole", "parts"))
    assert [line["iteration"] for line in whole] == [line["iteration"] for line in apart] == [1, 2, 3]
    assert all(abs(a["loss"] - b["loss"]) < 1e-5 * a["loss"] for a, b in zip(whole, apart))
