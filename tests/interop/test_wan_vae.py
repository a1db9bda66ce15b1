"""The codec wan:DIR against diffusers' AutoencoderKLWan, live, on small random networks."""

import json
import subprocess

import pytest
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import load_file, save_file

from conftest import BIN, ENVIRONMENT


def random_vae(**changes):
    torch.manual_seed(1)
    vae = AutoencoderKLWan(**{"base_dim": 8, "num_res_blocks": 1, **changes})
    for name, parameter in vae.named_parameters():
        if name.endswith(("gamma", "bias")):
            parameter.data += 0.3 * torch.randn_like(parameter)
    return vae.eval().requires_grad_(False)


def inputs(frames, height, width):
    generator = torch.Generator().manual_seed(frames)
    pixels = torch.randint(0, 256, (frames, height, width, 3), dtype=torch.uint8, generator=generator)
    return pixels, torch.randn(16, 1 + (frames - 1) // 4, height // 8, width // 8, generator=generator)


def ours(folder, pixels, latent, tmp_path, dtype="float32"):
    save_file({"frames": pixels, "latent": latent}, tmp_path / "in.safetensors", metadata={"dtype": dtype})
    subprocess.run([BIN / "wan_vae_probe", folder, tmp_path / "in.safetensors", tmp_path / "out.safetensors"], env=ENVIRONMENT,
                   check=True, timeout=120)
    return load_file(tmp_path / "out.safetensors")


def statistics(vae):
    return (torch.tensor(values).view(-1, 1, 1, 1) for values in (vae.config.latents_mean, vae.config.latents_std))


def theirs(vae, pixels, latent):
    mean, std = statistics(vae)
    video = pixels.permute(3, 0, 1, 2)[None] / 127.5 - 1
    encoded = (vae.encode(video.to(vae.dtype)).latent_dist.mode()[0].float() - mean) / std
    decoded = vae.decode((latent * std + mean)[None].to(vae.dtype)).sample[0].float()
    return encoded, decoded.permute(1, 2, 3, 0)


def error(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


def compare(vae, folder, size, tmp_path, bound):
    pixels, latent = inputs(*size)
    found = ours(folder, pixels, latent, tmp_path, str(vae.dtype).removeprefix("torch."))
    encoded, decoded = theirs(vae, pixels, latent)
    assert found["latent"].shape == encoded.shape and found["raw"].shape == decoded.shape
    assert error(found["latent"], encoded) < bound
    assert error(found["raw"].clamp(-1, 1), decoded) < bound
    rounded = ((found["raw"].clamp(-1, 1) + 1) * 127.5).round()
    assert (found["decoded"].float() - rounded).abs().max() <= 1  # the sums of two calls may differ in the last bit


@pytest.mark.parametrize("size", [(1, 16, 24), (5, 24, 16), (17, 40, 8), (9, 8, 8)])
def test_latents_and_frames_are_those_of_diffusers(size, tmp_path):
    vae = random_vae()
    vae.save_pretrained(tmp_path / "vae")
    compare(vae, tmp_path / "vae", size, tmp_path, 1e-4)


@pytest.mark.parametrize("changes", [
    {"num_res_blocks": 2},
    {"temperal_downsample": [True, False, True], "dim_mult": [2, 1, 3, 2]},
    {"decoder_base_dim": 12, "base_dim": 10},
], ids=["blocks", "time", "widths"])
def test_other_measures_are_followed(changes, tmp_path):
    vae = random_vae(**changes)
    vae.save_pretrained(tmp_path / "vae")
    compare(vae, tmp_path / "vae", (9, 16, 24), tmp_path, 1e-4)


def test_a_pipelines_folder_serves_as_well_as_the_vaes(tmp_path):
    vae = random_vae()
    vae.save_pretrained(tmp_path / "pipeline" / "vae")
    compare(vae, tmp_path / "pipeline", (5, 16, 16), tmp_path, 1e-4)


def test_bfloat16_agrees_within_its_rounding(tmp_path):
    vae = random_vae().to(torch.bfloat16)
    vae.save_pretrained(tmp_path / "vae")
    compare(vae, tmp_path / "vae", (5, 32, 32), tmp_path, 0.05)


def write_zeros(path, shapes):
    """A safetensors file of bfloat16 zeros that takes no space."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * shape.numel()
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def test_the_released_network_has_the_parameters_that_are_read(tmp_path):
    with torch.device("meta"):
        vae = AutoencoderKLWan()
    shapes = {name: value.shape for name, value in vae.state_dict().items()}
    assert sum(shape.numel() for shape in shapes.values()) == 126_892_531
    vae.save_config(tmp_path)
    write_zeros(tmp_path / "diffusion_pytorch_model.safetensors", shapes)
    found = ours(tmp_path, *inputs(1, 8, 8), tmp_path, "bfloat16")
    mean, std = statistics(vae)
    assert torch.allclose(found["latent"], -mean / std)
    assert (found["raw"] == 0).all()
