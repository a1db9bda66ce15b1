"""A pipeline of WAN 2.1 in small, with random weights, as diffusers and transformers save one."""

import numpy as np
import sentencepiece
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from PIL import Image
from transformers import UMT5Config, UMT5EncoderModel

from t5_peer import VOCABULARY, train_tokenizer

TEXT_WIDTH, HEADS, HEAD_WIDTH = 32, 2, 16


def save_pipeline(folder):
    """vae, text_encoder, tokenizer and transformer; the models."""
    torch.manual_seed(11)
    vae = AutoencoderKLWan(base_dim=8, z_dim=16, num_res_blocks=1)
    text = UMT5EncoderModel(UMT5Config(vocab_size=VOCABULARY, d_model=TEXT_WIDTH, d_kv=8, d_ff=48, num_layers=2, num_heads=4))
    transformer = WanTransformer3DModel(num_attention_heads=HEADS, attention_head_dim=HEAD_WIDTH, text_dim=TEXT_WIDTH, freq_dim=32,
                                        ffn_dim=64, num_layers=2)
    for name, model in (("vae", vae), ("text_encoder", text), ("transformer", transformer)):
        model.eval().save_pretrained(folder / name)
    (folder / "tokenizer").mkdir()
    train_tokenizer(folder / "tokenizer/spiece.model", byte_fallback=True)
    return vae, text, transformer


def write_pictures(folder, captions):
    """0.png and 0.txt, 1.png and 1.txt, ...: smooth pictures of 48 x 32 pixels."""
    generator = np.random.default_rng(3)
    for i, caption in enumerate(captions):
        coarse = generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((48, 32), Image.BICUBIC).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(caption)
    return folder


def latents_of(vae, pixels):
    """Of bytes [T, H, W, 3]: the mean of the distribution, normalised (spec/dfm.md section 4.3)."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (vae.config.latents_mean, vae.config.latents_std))
    video = torch.from_numpy(pixels).permute(3, 0, 1, 2)[None] / 127.5 - 1
    with torch.no_grad():
        return ((vae.encode(video).latent_dist.mode() - mean) / std)[0]


def pictures_of(vae, latent):
    """Bytes [T, H, W, 3] of a latent [C, T, H, W]."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (vae.config.latents_mean, vae.config.latents_std))
    with torch.no_grad():
        video = vae.decode(latent[None] * std + mean).sample[0]
    return ((video.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()


def rows_of(text, folder, caption):
    """The last hidden states of a caption, its end included."""
    tokens = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer/spiece.model")).encode(caption) + [1]
    with torch.no_grad():
        return text(torch.tensor([tokens])).last_hidden_state[0]
