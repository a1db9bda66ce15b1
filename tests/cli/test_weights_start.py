"""dfm_train from weights alone: checkpoint.pretrained_checkpoint and checkpoint.finetune."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from conftest import TINY, run
from run_files import assert_same_bits, losses, tensors

# A step that changes nothing shows what it began with.
STILL = ["optimizer.lr=0", "optimizer.min_lr=0", "train.train_iters=1"]


def of_kind(kind, checkpoint):
    """Every parameter's values, put together from the ranks' pieces."""
    pieces = {}
    for (_, its_kind, name), values in tensors(checkpoint).items():
        if its_kind == kind:
            parameter, begin = name.split("@")
            pieces.setdefault(parameter, []).append((int(begin), values))
    return {name: np.concatenate([values for _, values in sorted(parts, key=lambda part: part[0])]) for name, parts in pieces.items()}


def start(shards, folder, *words, **options):
    return run("dfm_train", *TINY, *STILL, f"dataset.path={shards}", f"checkpoint.save={folder}", *words, **options).stderr


@pytest.fixture(scope="module")
def sources(trained, tmp_path_factory):
    """The same weights as a run's folder, as one checkpoint, as a file, and as one of PyTorch."""
    folder = tmp_path_factory.mktemp("sources")
    for name in ("weights.safetensors", "weights.pth"):
        run("dfm_consolidate", trained, folder / name)
    save_file(load_file(folder / "weights.safetensors"), folder / "bare.safetensors")  # without its configuration
    return {"run": trained, "bare": folder / "bare.safetensors", "checkpoint": trained / "iter_0000004", "safetensors": folder / "weights.safetensors",
            "torch": folder / "weights.pth"}


@pytest.mark.parametrize("source", ["run", "checkpoint", "safetensors", "torch"])
def test_a_run_starts_at_step_0_with_the_weights_and_no_moments(shards, trained, sources, source, tmp_path):
    printed = start(shards, tmp_path, f"checkpoint.pretrained_checkpoint={sources[source]}", ranks=2)
    assert "starting at iteration 0 from the weights of" in printed
    assert_same_bits(of_kind("weights", tmp_path / "iter_0000001"), of_kind("weights", trained / "iter_0000004"))
    assert [line["iteration"] for line in losses(tmp_path)] == [1]
    # After one step the second moment is a twentieth of the squared gradient, of which the first is a tenth.
    first, second = (of_kind(kind, tmp_path / "iter_0000001") for kind in ("exp_avg", "exp_avg_sq"))
    for name, values in first.items():
        assert abs(5 * values**2 - second[name]).max() <= 1e-5 * second[name].max() + 1e-30, name


def test_a_moving_average_begins_with_the_weights(shards, trained, sources, tmp_path):
    start(shards, tmp_path, f"checkpoint.pretrained_checkpoint={sources['safetensors']}", "train.ema_decay=0.5")
    assert_same_bits(of_kind("ema", tmp_path / "iter_0000001"), of_kind("weights", trained / "iter_0000004"))


def test_a_restart_goes_on_with_its_own_checkpoint(shards, sources, tmp_path):
    words = [f"checkpoint.pretrained_checkpoint={sources['safetensors']}", "optimizer.lr=1e-3", "train.train_iters=3"]
    start(shards, tmp_path / "whole", *words)
    start(shards, tmp_path / "parts", *words, "train.stop_after_steps=1", code=75)
    assert "resuming from" in start(shards, tmp_path / "parts", *words)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def test_finetune_takes_the_weights_of_the_checkpoint_to_load(shards, trained, tmp_path):
    start(shards, tmp_path, f"checkpoint.load={trained}", "checkpoint.finetune=true")
    assert_same_bits(of_kind("weights", tmp_path / "iter_0000001"), of_kind("weights", trained / "iter_0000004"))


@pytest.mark.parametrize("words, code, says", [
    (["checkpoint.load={run}", "checkpoint.pretrained_checkpoint={run}"], 2, "both checkpoint.load and"),
    (["checkpoint.finetune=true"], 2, "without weights to start from"),
    (["checkpoint.pretrained_checkpoint={run}", "model.num_attention_heads=2"], 2, "model.num_attention_heads is 4 there and 2 here"),
    (["checkpoint.pretrained_checkpoint={bare}", "model.num_layers=3"], 2, "has no decoder.layers.2"),
    (["checkpoint.pretrained_checkpoint={bare}", "model.ffn_hidden_size=128"], 2, "the model needs [128, 64]"),
    (["checkpoint.pretrained_checkpoint={run}/nowhere"], 5, "holds no checkpoint"),
])
def test_what_cannot_be_is_refused_and_leaves_nothing(shards, sources, words, code, says, tmp_path):
    assert says in start(shards, tmp_path / "run", *[word.format(**sources) for word in words], ranks=2, code=code)
    assert not list((tmp_path / "run").glob("iter_*"))
