"""Weights of WAN between diffusers' WanTransformer3DModel and dfm, both ways."""

import json
import shutil

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from conftest import run
from test_wan_live import our_names, theirs_of

SIZE = dict(layers=2, heads=3, width=16, ffn=80, text_dim=24)
STEM = "diffusion_pytorch_model"
TRAIN = ["model.family=wan", "model.num_layers=2", "model.hidden_size=48", "model.num_attention_heads=3", "model.ffn_hidden_size=80",
         "model.crossattn_emb_size=48", "model.text_dim=24", "model.text_len=512", "model.freq_dim=32", "model.layernorm_epsilon=1e-6",
         "train.precision=fp32", "train.global_batch_size=1", "train.train_iters=1", "train.eval_interval=0", "optimizer.lr=0",
         "optimizer.min_lr=0", "scheduler.lr_warmup_iters=0", "--mock", "dataset.F_latents=2", "dataset.H_latents=4",
         "dataset.W_latents=4", "dataset.context_seq_len=5"]


@pytest.fixture(scope="module")
def model():
    return theirs_of(SIZE)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """The model as diffusers saves it: a pipeline's folder, whole, in parts and in bfloat16."""
    folder = tmp_path_factory.mktemp("saved")
    model.save_pretrained(folder / "whole")
    model.save_pretrained(folder / "parts", max_shard_size="100KB")
    assert len(list((folder / "parts").glob(f"{STEM}-*.safetensors"))) > 2
    half = theirs_of(SIZE).to(torch.bfloat16)
    half.save_pretrained(folder / "bfloat16")
    model.save_pretrained(folder / "pipeline" / "transformer")
    for part in ("vae", "text_encoder"):
        (folder / "pipeline" / part).mkdir()
    return folder


@pytest.fixture(autouse=True)
def without_accelerate(monkeypatch):
    """from_pretrained asks for the package accelerate only to keep some weights in float32 when it converts the others."""
    monkeypatch.setattr(WanTransformer3DModel, "_keep_in_fp32_modules", None)


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


def config_of(path):
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["dfm.config"])


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name, ranks", [("whole", 1), ("parts", 2), ("bfloat16", 1), ("pipeline", 1)])
def test_dfm_gets_every_weight_by_its_own_name(saved, name, ranks, tmp_path):
    out = tmp_path / "weights.safetensors"
    run("dfm_consolidate", saved / name, out, ranks=ranks)
    expected = theirs_of(SIZE).to(torch.bfloat16 if name == "bfloat16" else torch.float32)
    assert_equal(load_file(out), our_names(expected.state_dict(), SIZE["heads"]))


@pytest.mark.parametrize("source", ["whole", "parts", "bfloat16"])
def test_diffusers_gets_the_same_model_back(saved, source, tmp_path):
    run("dfm_consolidate", saved / source, tmp_path / "weights.safetensors")
    run("dfm_consolidate", tmp_path / "weights.safetensors", tmp_path / "back", "--format", "diffusers")
    back, there = (WanTransformer3DModel.from_pretrained(folder) for folder in (tmp_path / "back", saved / source))
    assert_equal(load_file(tmp_path / "back" / f"{STEM}.safetensors"),
                 theirs_of(SIZE).to(torch.bfloat16 if source == "bfloat16" else torch.float32).state_dict())
    assert_equal(back.state_dict(), there.state_dict())
    private = ("_name_or_path", "_diffusers_version")
    assert {k: v for k, v in back.config.items() if k not in private} == {k: v for k, v in there.config.items() if k not in private}
    given = torch.randn(1, 16, 2, 4, 6), torch.tensor([500]), torch.randn(1, 7, SIZE["text_dim"])
    with torch.no_grad():
        assert torch.equal(back.float()(*given).sample, there.float()(*given).sample)


def test_parts_have_an_index_and_the_same_bytes_on_any_number_of_ranks(saved, model, tmp_path):
    for ranks in (1, 3):
        run("dfm_consolidate", saved / "whole", tmp_path / str(ranks), "--format", "diffusers", "--max-part-size", "100KB", ranks=ranks)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3")
    assert f"{STEM}.safetensors.index.json" in bytes_of(tmp_path / "1") and len(bytes_of(tmp_path / "1")) > 4
    assert_equal(WanTransformer3DModel.from_pretrained(tmp_path / "1").state_dict(), model.state_dict())


def test_training_begins_with_these_weights_and_gives_them_back(saved, model, tmp_path):
    run("dfm_train", *TRAIN, f"checkpoint.pretrained_checkpoint={saved / 'parts'}", f"checkpoint.save={tmp_path / 'run'}", ranks=2)
    run("dfm_consolidate", tmp_path / "run", tmp_path / "weights.safetensors")
    assert_equal(load_file(tmp_path / "weights.safetensors"), our_names(model.state_dict(), SIZE["heads"]))
    run("dfm_consolidate", tmp_path / "run", tmp_path / "back", "--format", "diffusers", ranks=3)
    assert_equal(WanTransformer3DModel.from_pretrained(tmp_path / "back").state_dict(), model.state_dict())


def test_training_names_the_key_that_is_another(saved, tmp_path):
    printed = run("dfm_train", *TRAIN, "model.layernorm_epsilon=1e-5", f"checkpoint.pretrained_checkpoint={saved / 'whole'}",
                  f"checkpoint.save={tmp_path / 'run'}", code=2).stderr
    assert "model.layernorm_epsilon is 1e-06 there and 1e-05 here" in printed


def test_the_file_says_what_dfm_sample_needs_to_know(saved, tmp_path):
    run("dfm_consolidate", saved / "whole", tmp_path / "alone.safetensors")
    alone = config_of(tmp_path / "alone.safetensors")
    assert alone["model.family"] == "wan" and alone["model.text_len"] == "512" and alone["diffusion.objective"] == "flow"
    assert "encoders.codec" not in alone
    for name, words, text_length in (("a", [], None), ("b", ["encoders.text_length=226"], "226")):
        run("dfm_consolidate", "pipeline/transformer/", tmp_path / f"{name}.safetensors", *words, cwd=saved)
        config = config_of(tmp_path / f"{name}.safetensors")
        assert config["encoders.codec"] == f"wan:{saved}/pipeline" and config["encoders.text"] == f"umt5:{saved}/pipeline"
        assert config.get("encoders.text_length") == text_length and config["model.hidden_size"] == "48"


def test_dfm_sample_takes_the_file(saved, tmp_path):
    model = WanTransformer3DModel(num_attention_heads=2, attention_head_dim=16, text_dim=1024, freq_dim=32, ffn_dim=64, num_layers=1)
    model.save_pretrained(tmp_path / "transformer")
    run("dfm_consolidate", tmp_path / "transformer", tmp_path / "weights.safetensors")
    run("dfm_sample", tmp_path / "weights.safetensors", "--prompts", "a red square", "--sizes", "32*32", "--frame_nums", 5,
        "--sample_steps", 2, "--output", tmp_path / "out")
    assert list((tmp_path / "out").rglob("*.mp4"))


def changed_config(**values):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return change


def changed_weights(change_tensors):
    def change(folder):
        tensors = load_file(folder / f"{STEM}.safetensors")
        change_tensors(tensors)
        save_file(tensors, folder / f"{STEM}.safetensors", metadata={"format": "pt"})
    return change


def truncated(folder):
    path = folder / f"{STEM}.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


Q = "blocks.1.attn1.to_q.weight"
DAMAGES = {
    "another class": (changed_config(_class_name="FluxTransformer2DModel"), "FluxTransformer2DModel"),
    "image to video": (changed_config(image_dim=1280), "image_dim is 1280"),
    "too many layers": (changed_config(num_layers=3), "blocks.2."),
    "too few layers": (changed_config(num_layers=1), "blocks.1."),
    "other heads": (changed_config(num_attention_heads=2), "instead of [32"),
    "heads that do not divide": (changed_config(num_attention_heads=16, attention_head_dim=3), "48"),
    "no config.json": (lambda folder: (folder / "config.json").unlink(), "config.json"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
    "a tensor less": (changed_weights(lambda tensors: tensors.pop(Q)), Q),
    "a tensor more": (changed_weights(lambda tensors: tensors.update(extra=torch.ones(2))), "extra"),
    "another shape": (changed_weights(lambda tensors: tensors.update({Q: torch.ones(24, 48)})), "[24, 48] instead of [48, 48]"),
    "another type": (changed_weights(lambda tensors: tensors.update({Q: tensors[Q].half()})), "cannot lie side by side"),
    "truncated": (truncated, f"{STEM}.safetensors"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_such_model_is_refused(saved, damage, tmp_path):
    change, says = DAMAGES[damage]
    change(shutil.copytree(saved / "whole", tmp_path / "in"))
    assert says in run("dfm_consolidate", tmp_path / "in", tmp_path / "out.safetensors", code=3).stderr
    assert not (tmp_path / "out.safetensors").exists()


def test_a_pipeline_of_two_networks_is_refused(saved, tmp_path):
    for part in ("transformer", "transformer_2"):
        shutil.copytree(saved / "whole", tmp_path / "in" / part)
    assert "transformer_2" in run("dfm_consolidate", tmp_path / "in", tmp_path / "out.safetensors", code=3).stderr
    run("dfm_consolidate", tmp_path / "in" / "transformer_2", tmp_path / "out.safetensors")


def test_only_wan_can_be_written_for_diffusers(trained, tmp_path):
    assert "model.family = dit" in run("dfm_consolidate", trained, tmp_path / "out", "--format", "diffusers", ranks=2, code=2).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("there", ["config.json", f"{STEM}.safetensors", "notes.txt"])
def test_what_is_there_already_stays(saved, there, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / there).write_text("mine")
    assert there in run("dfm_consolidate", saved / "whole", tmp_path / "out", "--format", "diffusers", code=2).stderr
    assert bytes_of(tmp_path / "out") == {there: b"mine"}
