"""From pictures to samples with the encoders of a small WAN 2.1: shards and pictures against diffusers and transformers."""

import io
import os
import pickle
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from PIL import Image
from safetensors.torch import load_file

from conftest import BIN, ENVIRONMENT, ROOT, run
from pipeline_peer import latents_of, pictures_of, rows_of, save_pipeline, write_pictures

CAPTIONS = ["the cat sleeps on the green grass", "a bird", "red house and blue river, quickly!"]
STEPS, SHIFT, GUIDANCE = 6, 5.0, 4.5


class Pipeline:
    def __init__(self, folder):
        self.folder = folder
        self.vae, self.text, self.transformer = save_pipeline(folder)
        self.keys = [f"encoders.codec=wan:{folder}", f"encoders.text=umt5:{folder}"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return Pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), CAPTIONS)


@pytest.fixture(scope="module")
def shards(pipeline, pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("shards") / "out"
    run("dfm_prepare", pictures, out, *pipeline.keys, "--shard-maxcount", 1)
    return out


def members(folder):
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            found.update({member.name: archive.extractfile(member).read() for member in archive})
    return found


def test_latents_are_those_of_diffusers(pipeline, pictures, shards):
    files = members(shards)
    for i, name in enumerate(sorted(name for name in files if name.endswith(".pth"))):
        expected = latents_of(pipeline.vae, np.asarray(Image.open(pictures / f"{i}.png"))[None])
        found = torch.load(io.BytesIO(files[name]))
        assert found.dtype == torch.bfloat16 and found.shape == expected.shape == (16, 1, 4, 6)
        assert torch.allclose(found.float(), expected, rtol=2**-8, atol=1e-4)


def test_text_rows_are_those_of_transformers(pipeline, shards):
    files = members(shards)
    for caption, name in zip(CAPTIONS, sorted(name for name in files if name.endswith(".pickle"))):
        expected, found = rows_of(pipeline.text, pipeline.folder, caption).numpy(), pickle.loads(files[name])
        assert found.dtype == np.float16 and found.shape == expected.shape
        assert np.allclose(found.astype(np.float32), expected, rtol=2**-10, atol=1e-4)


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_shards_are_the_same_on_any_number_of_ranks(pipeline, pictures, shards, ranks, tmp_path):
    run("dfm_prepare", pictures, tmp_path / "out", *pipeline.keys, "--shard-maxcount", 1, ranks=ranks)
    assert members(tmp_path / "out") == members(shards)


def test_a_folder_of_shards_takes_no_others_weights(pipeline, pictures, shards, tmp_path):
    moved = tmp_path / "moved"
    moved.symlink_to(pipeline.folder)
    moved_keys = [key.replace(str(pipeline.folder), str(moved)) for key in pipeline.keys]
    assert "3 samples" in run("dfm_prepare", pictures, shards, *moved_keys, "--shard-maxcount", 1).stderr
    save_pipeline(tmp_path / "other")
    with torch.no_grad():
        pipeline.vae.quant_conv.bias.add_(1)
        pipeline.vae.save_pretrained(tmp_path / "other/vae")
        pipeline.vae.quant_conv.bias.sub_(1)
    other_keys = [key.replace(str(pipeline.folder), str(tmp_path / "other")) for key in pipeline.keys]
    assert "of other settings" in run("dfm_prepare", pictures, shards, *other_keys, "--shard-maxcount", 1, code=2).stderr


def latents_of_dfm(weights, out):
    run("dfm_sample", weights, "--prompt", CAPTIONS[2], "--negative-prompt", CAPTIONS[1], "--sizes", "48*32", "--frame-nums", 5,
        "--sample-steps", STEPS, "--sample-shift", SHIFT, "--sample-guide-scale", GUIDANCE, "sample.precision=fp32", "--output", out)
    (path,) = (out / "latents").glob("*.safetensors")
    return load_file(path)["latent"]


def noise_of_dfm(pipeline, folder):
    """Where the velocity is zero everywhere, the sample is the noise that it began with."""
    shutil.copytree(pipeline.folder, folder)
    still = WanTransformer3DModel.from_config(pipeline.transformer.config)
    still.proj_out.weight.data.zero_()
    still.proj_out.bias.data.zero_()
    still.save_pretrained(folder / "transformer")
    run("dfm_consolidate", folder, folder / "still.safetensors")
    return latents_of_dfm(folder / "still.safetensors", folder / "out")


def padded(rows):
    return torch.nn.functional.pad(rows, (0, 0, 0, 512 - len(rows)))[None]


def test_a_sample_is_that_of_diffusers_pipeline(pipeline, tmp_path):
    run("dfm_consolidate", pipeline.folder, tmp_path / "weights.safetensors")
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=SHIFT)
    theirs = WanPipeline(tokenizer=None, text_encoder=None, transformer=pipeline.transformer, vae=pipeline.vae, scheduler=scheduler)
    theirs.set_progress_bar_config(disable=True)
    noise = noise_of_dfm(pipeline, tmp_path / "still")
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
    text, negative = (padded(rows_of(pipeline.text, pipeline.folder, CAPTIONS[i])) for i in (2, 1))
    expected = theirs(prompt_embeds=text, negative_prompt_embeds=negative, latents=noise[None], height=32, width=48, num_frames=5,
                      num_inference_steps=STEPS, guidance_scale=GUIDANCE, output_type="latent").frames[0]
    found = latents_of_dfm(tmp_path / "weights.safetensors", tmp_path / "out")
    assert (expected - noise).norm() > 0.1 * noise.norm()
    assert ((found - expected).norm() / expected.norm()).item() < 1e-4  # text is rounded to float16 here


def test_samples_are_decoded_as_diffusers_decodes_their_latents(pipeline, tmp_path):
    run("dfm_consolidate", pipeline.folder, tmp_path / "weights.safetensors")
    run("dfm_sample", tmp_path / "weights.safetensors", "--prompt", CAPTIONS[0], "--prompt", CAPTIONS[1], "--sizes", "48*32",
        "--sample-steps", 3, "--output", tmp_path / "out")
    for picture in sorted((tmp_path / "out").glob("0*.png")):
        latent = load_file(tmp_path / "out/latents" / picture.with_suffix(".safetensors").name)["latent"]
        expected = pictures_of(pipeline.vae, latent)[0].astype(int)
        assert np.abs(np.asarray(Image.open(picture)).astype(int) - expected).max() <= 1


def test_pictures_of_validation_are_the_same_on_one_and_two_ranks(pipeline, shards, tmp_path):
    run("dfm_index", shards, "--split-ratio", "2,1,0")
    for ranks in (1, 2):
        run("dfm_train", "--recipe", "wan_1_3b", *small_model(), "--dataset-path", shards, f"checkpoint.save={tmp_path / str(ranks)}",
            "train.train_iters=1", "train.eval_interval=1", "train.global_batch_size=2", "optimizer.lr=0", *pipeline.keys,
            f"validation.prompts={CAPTIONS[0]}", "validation.num_steps=2", "validation.image_size=32", ranks=ranks)
    one, two = ([path.read_bytes() for path in sorted((tmp_path / ranks).rglob("*.png"))] for ranks in "12")
    assert len(one) == 1 and one == two


def small_model():
    return ["model.num_layers=2", "model.hidden_size=32", "model.num_attention_heads=2", "model.ffn_hidden_size=64",
            "model.crossattn_emb_size=32", "model.text_dim=32", "model.freq_dim=32"]


def test_the_commands_of_the_manual_run(pipeline, pictures, tmp_path):
    text = (ROOT / "share/doc/encoders.md").read_text()
    commands = re.search(r"^```sh\n(.*?)^```", text, re.M | re.S)[1]
    for written, small in (("/models/Wan2.1-T2V-1.3B-Diffusers", str(pipeline.folder)), ("prepare videos", f"prepare --shard-maxcount 1 {pictures}"),
                           ("--height 480 --width 832", "--height 32 --width 48"), ("832*480", "48*32"), ("--frame-nums 81", "--frame-nums 5"),
                           ("_finetune ", f"_finetune {' '.join(small_model())} train.train_iters=2 train.global_batch_size=2 "),
                           ("dfm_sample ", "dfm_sample --sample-steps 2 ")):
        assert written in commands
        commands = commands.replace(written, small)
    environment = {**ENVIRONMENT, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cat.mp4").stat().st_size > 0
