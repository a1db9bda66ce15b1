"""dfm_train with model.family=moviegen: the run that the users' documents print, and resuming."""

import re

from conftest import TINY_MOCK, run
from run_files import assert_same_bits, losses, tensors

SMALL = [*TINY_MOCK, "model.family=moviegen", "model.num_query_groups=2", "model.ffn_hidden_size=96"]


# As the users' document 004 prints it, but for 16 tokens instead of 1024 and the number of steps.
PRINTED = ("trainer.strategy.tensor_model_parallel_size=1 trainer.strategy.context_parallel_size=1 "
           "trainer.strategy.sequence_parallel=False model.config.num_layers=1 data.global_batch_size=8 "
           "model.config.hidden_size=1024 data.seq_length=16 data.task_encoder.seq_length=16 model.config.num_layers=1").split()


def test_the_users_mock_run_prints_its_parameters_buckets_and_samples(tmp_path):
    printed = run("dfm_train", "--recipe", "train_mock", *PRINTED, "trainer.max_steps=2", f"checkpoint.save={tmp_path}",
                  "checkpoint.async_save=false", ranks=2).stderr
    assert "40,950,336 parameters" in printed
    assert "2,610,752 + 1 x 38,339,584 in layers" in printed
    lines = re.findall(r"iteration +(\d+)/.*consumed samples: +(\d+) .*learning rate: 1\.0+E-04 .*global batch size: +8 .*lm loss: (\S+)",
                       printed)
    assert [(int(step), int(samples)) for step, samples, _ in lines] == [(1, 8), (2, 16)]


def test_resuming_gives_the_same_bits(tmp_path):
    for folder, stops in (("whole", []), ("parts", ["train.stop_after_steps=2"])):
        words = ["dfm_train", *SMALL, f"checkpoint.save={tmp_path / folder}", "train.train_iters=4"]
        if stops:
            run(*words, *stops, ranks=2, code=75)
        run(*words, ranks=2)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert_same_bits(tensors(tmp_path / "whole/iter_0000004"), tensors(tmp_path / "parts/iter_0000004"))


def test_losses_do_not_depend_on_the_number_of_ranks(tmp_path):
    found = []
    for ranks in (1, 3):
        run("dfm_train", *SMALL, f"checkpoint.save={tmp_path / str(ranks)}", "train.train_iters=3", ranks=ranks)
        found.append([line["loss"] for line in losses(tmp_path / str(ranks))])
    assert all(abs(a - b) < 1e-5 * abs(a) for a, b in zip(*found))
