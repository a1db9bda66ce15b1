"""The text encoders T5 and UMT5 and their tokenizer against Hugging Face's transformers, live, on small random networks."""

import json
import shutil
import subprocess

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file
from transformers import T5Tokenizer

from conftest import BIN, ENVIRONMENT
from t5_peer import SHAPES, make_model, sentences, train_tokenizer

MOST_ROWS = 40
CAPTIONS = [
    "", " ", "a red cube", "  many \t blanks\n\n in   here  ", "Punctuation: (yes), \"no\"; 3.14 -- don't!?", "Zürich naïve ﬁne ½ Å ＡＢＣ",
    "東京 привет мир", "a 🦋 on 🌸🌸 e\u0301", "UPPER lower mIxEd", "x", "tab\tnew\nline\u00a0no-break\u200bzero", " ".join(sentences(30)),
]


@pytest.fixture(scope="module", params=[False, True], ids=["unknown", "bytes"])
def tokenizer_folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(folder / "spiece.model", byte_fallback=request.param)
    return folder


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "spiece.model"
    train_tokenizer(path, byte_fallback=True)
    return path


def probe(folder, tmp_path, captions, dtype="float32", most_rows=MOST_ROWS):
    (tmp_path / "captions").mkdir()
    for i, caption in enumerate(captions):
        (tmp_path / "captions" / str(i)).write_bytes(caption if isinstance(caption, bytes) else caption.encode())
    return subprocess.run([BIN / "t5_probe", folder, tmp_path / "captions", tmp_path / "out.safetensors", str(most_rows), dtype],
                          env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def ours(folder, tmp_path, captions, **options):
    done = probe(folder, tmp_path, captions, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return load_file(tmp_path / "out.safetensors")


def saved(model, vocabulary, folder, **options):
    """One folder with all in it."""
    model.save_pretrained(folder, **options)
    shutil.copy(vocabulary, folder / "spiece.model")
    return folder


def theirs(model, ids, padding=5):
    """Rows of one caption that was padded, which the mask hides."""
    row = torch.nn.functional.pad(ids, (0, padding))
    with torch.no_grad():
        hidden = model(row[None], attention_mask=(torch.arange(len(row)) < len(ids))[None].long()).last_hidden_state
    return hidden[0, : len(ids)].float()


def distance(found, wanted):
    return ((found - wanted).norm() / wanted.norm()).item()


def test_tokens_are_those_of_transformers(tokenizer_folder, tmp_path):
    folder = saved(make_model("t5"), tokenizer_folder / "spiece.model", tmp_path / "model")
    found = ours(folder, tmp_path, CAPTIONS)
    tokenizer = T5Tokenizer(str(folder / "spiece.model"), legacy=False)
    for i, caption in enumerate(CAPTIONS):
        wanted = tokenizer(caption, truncation=True, max_length=MOST_ROWS).input_ids
        assert found[f"ids.{i}"].tolist() == wanted, caption


def test_tokens_of_bytes_that_are_no_text_are_those_of_sentencepiece(tokenizer_folder, tmp_path):
    folder = saved(make_model("t5"), tokenizer_folder / "spiece.model", tmp_path / "model")
    captions = [b"a \xff\xfe red \xc3", b"\xed\xa0\x80 cube", b"a\0red\0\0cube\0", "▁the ▁▁ cube".encode(), b"</s> <pad> <unk>"]
    found = ours(folder, tmp_path, captions, most_rows=100)
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    for i, caption in enumerate(captions):
        assert found[f"ids.{i}"].tolist() == [*model.encode(caption), model.eos_id()], caption


@pytest.mark.parametrize("name", SHAPES)
def test_rows_are_those_of_transformers(name, vocabulary, tmp_path):
    model = make_model(name)
    found = ours(saved(model, vocabulary, tmp_path / "model"), tmp_path, CAPTIONS)
    for i in range(len(CAPTIONS)):
        wanted = theirs(model, found[f"ids.{i}"])
        assert distance(found[f"rows.{i}"], wanted) < 1e-5
        assert found[f"encoded.{i}"].equal(found[f"rows.{i}"].half())


def test_a_caption_is_cut_before_its_end_token(vocabulary, tmp_path):
    found = ours(saved(make_model("t5"), vocabulary, tmp_path / "model"), tmp_path, CAPTIONS[-1:])
    assert found["encoded.0"].shape == (MOST_ROWS, 48) and found["ids.0"][-1] == 1


@pytest.mark.parametrize("name", SHAPES)
def test_bfloat16_is_as_far_from_float32_as_that_of_transformers(name, vocabulary, tmp_path):
    model = make_model(name)
    found = ours(saved(model, vocabulary, tmp_path / "model"), tmp_path, CAPTIONS, dtype="bfloat16")
    exact = [theirs(model, found[f"ids.{i}"]) for i in range(len(CAPTIONS))]
    model.bfloat16()
    for i, wanted in enumerate(exact):
        assert distance(found[f"rows.{i}"], wanted) < 1.3 * distance(theirs(model, found[f"ids.{i}"]), wanted)


def test_distances_beyond_the_last_bucket_are_as_in_transformers(vocabulary, tmp_path):
    model = make_model("umt5", relative_attention_num_buckets=32, relative_attention_max_distance=128)
    found = ours(saved(model, vocabulary, tmp_path / "model"), tmp_path, [" ".join(sentences(60))], most_rows=400)
    assert len(found["ids.0"]) == 400
    assert distance(found["rows.0"], theirs(model, found["ids.0"])) < 1e-5


@pytest.mark.parametrize("options", [{"max_shard_size": "60KB"}, {"safe_serialization": False}], ids=["parts", "bin"])
def test_weights_are_read_however_they_were_saved(options, vocabulary, tmp_path):
    model = make_model("umt5")
    whole = ours(saved(model, vocabulary, tmp_path / "whole"), tmp_path, CAPTIONS[2:3])
    folder = saved(model, vocabulary, tmp_path / "other", **options)
    assert not (folder / "model.safetensors").exists()
    (tmp_path / "again").mkdir()
    assert ours(folder, tmp_path / "again", CAPTIONS[2:3])["rows.0"].equal(whole["rows.0"])


def test_the_folder_of_a_pipeline_has_parts(vocabulary, tmp_path):
    model = make_model("umt5")
    model.save_pretrained(tmp_path / "pipeline/text_encoder")
    (tmp_path / "pipeline/tokenizer").mkdir()
    shutil.copy(vocabulary, tmp_path / "pipeline/tokenizer")
    found = ours(tmp_path / "pipeline", tmp_path, CAPTIONS[2:3])
    assert distance(found["rows.0"], theirs(model, found["ids.0"])) < 1e-5


def test_a_caption_of_a_megabyte_is_cut(vocabulary, tmp_path):
    folder = saved(make_model("t5"), vocabulary, tmp_path / "model")
    found = ours(folder, tmp_path, ["the red cube, " * 75_000, "x" * 1_000_000])
    assert len(found["ids.0"]) == len(found["ids.1"]) == MOST_ROWS


def test_numbers_that_are_not_finite_are_a_data_error(vocabulary, tmp_path):
    model = make_model("t5")
    with torch.no_grad():
        model.encoder.final_layer_norm.weight[3] = float("nan")
    done = probe(saved(model, vocabulary, tmp_path / "model"), tmp_path, CAPTIONS[2:3])
    assert done.returncode == 3 and "rows for 'a red cube' are not finite" in done.stderr


def test_a_tokenizer_with_more_pieces_than_the_vocabulary_is_a_data_error(vocabulary, tmp_path):
    done = probe(saved(make_model("t5", vocab_size=599), vocabulary, tmp_path / "model"), tmp_path, CAPTIONS[:1])
    assert done.returncode == 3 and "has 600 pieces, but vocab_size is 599" in done.stderr


def test_weights_that_do_not_fit_their_config_are_a_data_error(vocabulary, tmp_path):
    folder = saved(make_model("t5"), vocabulary, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_heads": 4}))
    done = probe(folder, tmp_path, CAPTIONS[:1])
    assert done.returncode == 3 and "SelfAttention.q.weight" in done.stderr and "[48, 48]" in done.stderr
