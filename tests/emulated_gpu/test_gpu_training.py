"""Training on a GPU from outside: what the CPU computes, in every family; resuming; waits of the host."""

import pytest

from conftest import run
from emulated import FAMILIES, assert_same_losses, on_gpus, train, waits_of_two_steps
from run_files import assert_same_bits, losses, tensors


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gpu_gives_the_losses_of_the_cpu(tmp_path, family):
    printed = train(on_gpus, tmp_path / "gpu", family)
    assert "computing on Emulated GPU" in printed
    train(run, tmp_path / "cpu", family)
    assert_same_losses(tmp_path / "gpu", tmp_path / "cpu", 1e-6)


@pytest.mark.parametrize("attention", ["auto", "measure", "cudnn", "flash", "plain"])
def test_every_kernel_of_attention_gives_the_losses_of_the_cpu_in_bfloat16(tmp_path, attention):
    words = ["train.precision=bf16_mixed", "model.hidden_size=128"]
    printed = train(on_gpus, tmp_path / "gpu", "wan", *words, f"device.attention={attention}")
    assert "attention, 4 heads of 32 (BFloat16" in printed
    train(run, tmp_path / "cpu", "wan", *words)
    assert_same_losses(tmp_path / "gpu", tmp_path / "cpu", 1e-3)


@pytest.mark.parametrize("words", [["dataset.batching=fixed_length", "train.micro_batch_size=2"],
                                   ["model.recompute_granularity=full"],
                                   ["train.precision=bf16_mixed", "dataset.batching=fixed_length", "train.micro_batch_size=3"]])
def test_several_passes_a_step_and_recomputation_give_the_losses_of_the_cpu(tmp_path, words):
    train(on_gpus, tmp_path / "gpu", "dit", *words)
    train(run, tmp_path / "cpu", "dit", *words)
    assert_same_losses(tmp_path / "gpu", tmp_path / "cpu", 1e-4)


def test_validation_and_its_pictures_on_a_gpu_are_those_of_the_cpu(tmp_path):
    words = ["train.eval_interval=2", "train.eval_iters=2", 'validation.prompts=["a red square"]', "validation.image_size=32",
             "validation.num_steps=2", "train.ema_decay=0.9"]
    train(on_gpus, tmp_path / "gpu", "dit", *words)
    train(run, tmp_path / "cpu", "dit", *words)
    gpu, cpu = losses(tmp_path / "gpu"), losses(tmp_path / "cpu")
    assert [line["kind"] for line in cpu].count("validation") == 2
    assert [line["kind"] for line in gpu] == [line["kind"] for line in cpu]
    assert [line["loss"] for line in gpu] == pytest.approx([line["loss"] for line in cpu], rel=1e-6, abs=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_that_was_stopped_goes_on_with_the_same_bits(tmp_path, family):
    words = ["train.precision=bf16_mixed", "train.ema_decay=0.9"]
    train(on_gpus, tmp_path / "whole", family, *words)
    train(on_gpus, tmp_path / "parts", family, *words, "train.stop_after_steps=2", code=75)
    train(on_gpus, tmp_path / "parts", family, *words)
    assert_same_bits(tensors(tmp_path / "parts/iter_0000004"), tensors(tmp_path / "whole/iter_0000004"))


@pytest.mark.parametrize("first, then", [(on_gpus, run), (run, on_gpus)])
def test_a_run_goes_on_elsewhere(tmp_path, first, then):
    train(run, tmp_path / "cpu", "dit")
    train(first, tmp_path / "both", "dit", "train.stop_after_steps=2", code=75)
    train(then, tmp_path / "both", "dit")
    assert_same_losses(tmp_path / "both", tmp_path / "cpu", 1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_host_waits_once_a_step_for_its_gpu(tmp_path, family):
    """For the loss and the norm of the gradient."""
    assert waits_of_two_steps(tmp_path, family) == {"copy to the host": 2}
