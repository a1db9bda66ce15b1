"""dfm_train and dfm_sample with model.family=wan: flow matching, from shards to a video."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import TINY, run
from run_files import assert_same_bits, losses, tensors

WAN = [*TINY, "model.family=wan", "model.hidden_size=48", "model.num_attention_heads=2", "model.crossattn_emb_size=48",
       "model.text_dim=1024", "model.text_len=8", "model.freq_dim=32"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """An indexed data set of short videos."""
    folder = tmp_path_factory.mktemp("videos") / "shards"
    run("dfm_prepare", "--synthetic", 12, "--output-dir", folder, "--height", 32, "--width", 32, "prepare.num_frames=5",
        "--shard-maxcount", 4)
    run("dfm_index", folder)
    return folder


def train(data, folder, *words, ranks=1, code=0, iters=4):
    return run("dfm_train", *WAN, *data, f"checkpoint.save={folder}", f"train.train_iters={iters}", *words, ranks=ranks, code=code)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_resuming_gives_the_same_bits(videos, tmp_path, ranks):
    data = [f"dataset.path={videos}"]
    train(data, tmp_path / "whole", ranks=ranks)
    train(data, tmp_path / "parts", "train.stop_after_steps=2", ranks=ranks, code=75)
    train(data, tmp_path / "parts", ranks=ranks)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert_same_bits(tensors(tmp_path / "whole/iter_0000004"), tensors(tmp_path / "parts/iter_0000004"))


def test_losses_do_not_depend_on_the_number_of_ranks(tmp_path):
    data = ["--mock", "dataset.F_latents=2", "dataset.H_latents=4", "dataset.W_latents=6", "dataset.context_seq_len=5"]
    for ranks in (1, 3):
        train(data, tmp_path / str(ranks), "train.eval_interval=2", "train.eval_iters=1", ranks=ranks)
    one, three = losses(tmp_path / "1"), losses(tmp_path / "3")
    assert len(one) == len(three)
    for a, b in zip(one, three):
        assert a.keys() == b.keys()
        for key in ("loss", "validation_loss", "gradient_norm"):
            if key in a:
                assert a[key] == pytest.approx(b[key], rel=1e-5), key


@pytest.fixture(scope="module")
def wan_weights(videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wan")
    train([f"dataset.path={videos}"], folder, "checkpoint.sampling_weights=weights", iters=2)
    return folder / "weights.safetensors"


def drawn(weights, folder, *words, ranks=1):
    run("dfm_sample", weights, "--prompts", "a red square", "--sizes", "48*32", "--frame_nums", 5, "--sample_steps", 3,
        "--output", folder, "--samples-per-prompt", 3, "--base_seed", 7, "sample.batch_size=1", *words, ranks=ranks)
    assert len(list(folder.glob("*.mp4"))) == 3
    return [load_file(path)["latent"] for path in sorted(folder.glob("latents/*"))]


def test_a_video_does_not_depend_on_the_number_of_ranks(wan_weights, tmp_path):
    one, two = drawn(wan_weights, tmp_path / "1"), drawn(wan_weights, tmp_path / "2", ranks=2)
    assert one[0].shape == (16, 2, 4, 6)
    for a, b in zip(one, two):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("words", [["--negative-prompt", "blurry"], ["--sample_shift", 3.0], ["--sample_guide_scale", 2.0],
                                   ["--sampler", "euler"]])
def test_the_options_of_wans_users_change_the_video(wan_weights, tmp_path, words):
    plain, other = drawn(wan_weights, tmp_path / "plain"), drawn(wan_weights, tmp_path / "other", *words)
    assert not np.allclose(plain[0], other[0])


def test_guidance_and_guide_scale_are_one_apart(wan_weights, tmp_path):
    scale = drawn(wan_weights, tmp_path / "scale", "--sample_guide_scale", 3.0)
    guidance = drawn(wan_weights, tmp_path / "guidance", "--guidance", 2.0)
    np.testing.assert_array_equal(scale[0], guidance[0])


def test_a_sampler_of_the_other_kind_is_a_usage_error(wan_weights, weights, tmp_path):
    for file, sampler in ((wan_weights, "heun"), (weights, "unipc")):
        done = run("dfm_sample", file, "--prompt", "x", "--sizes", "32*32", "--sampler", sampler, "--output", tmp_path, code=2)
        assert f"sample.sampler = {sampler}" in done.stderr


def test_text_of_another_width_is_a_usage_error_that_names_the_key(videos, tmp_path):
    assert "model.text_dim=1024" in train([f"dataset.path={videos}"], tmp_path, "model.text_dim=4096", code=2).stderr
