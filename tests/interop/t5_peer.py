"""Tiny T5 and UMT5 text encoders with random weights, as Hugging Face's libraries make and save them, and their tokenizers."""

import io
import random

import sentencepiece
import torch
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

VOCABULARY = 640
SHAPES = {
    "t5": (T5EncoderModel, T5Config, {"feed_forward_proj": "relu"}),
    "t5-v1.1": (T5EncoderModel, T5Config, {"feed_forward_proj": "gated-gelu"}),
    "umt5": (UMT5EncoderModel, UMT5Config, {"feed_forward_proj": "gated-gelu"}),
}


def sentences(count):
    """Of made-up words, some of which are common."""
    draw = random.Random(7)
    words = ["".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(draw.randint(1, 4))) for _ in range(300)]
    words += ["a", "the", "red", "cube", "Zürich", "naïve", "東京", "привет"]
    for _ in range(count):
        yield " ".join(draw.choice(words) for _ in range(draw.randint(3, 12))) + draw.choice([".", "!", "?", ", and", ""])


def train_tokenizer(path, byte_fallback):
    """A model as T5 has it: unigram, padding 0, the end token 1, unknown 2, no begin."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences(400), model_writer=model, model_type="unigram", vocab_size=600 if byte_fallback else 320,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=byte_fallback, num_threads=1, minloglevel=2)
    path.write_bytes(model.getvalue())


def make_model(name, **changes):
    """In float32; norms and position biases are random as well."""
    model_class, config_class, values = SHAPES[name]
    config = config_class(**{"vocab_size": VOCABULARY, "d_model": 48, "d_kv": 12, "d_ff": 80, "num_layers": 3, "num_heads": 5,
                             "relative_attention_num_buckets": 16, "relative_attention_max_distance": 24} | values | changes)
    torch.manual_seed(11)
    model = model_class(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "relative_attention_bias" in parameter_name:
                parameter.normal_()
            elif parameter.dim() == 1:
                parameter.uniform_(0.5, 1.5)
            elif ".q." not in parameter_name and "shared" not in parameter_name:
                parameter.normal_(std=0.15)
    return model
