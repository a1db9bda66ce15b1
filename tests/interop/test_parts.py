"""What trains, as real writers leave it: every form of latents and texts, in data sets that Energon prepared and dfm has not seen."""

import io
import json
import pickle
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save as save_safetensors

from conftest import BIN, run, TINY
from energon_archives import GOLDEN
from energon_peer import indexed, prepared_with
from test_tar_scanner import unhexed

TOOL = BIN / "dataset_tool"
TYPES = {torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32", torch.float64: "float64"}


def saved(tensor, **options):
    buffer = io.BytesIO()
    torch.save(tensor, buffer, **options)
    return buffer.getvalue()


def saved_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def saved_npz(save=np.savez, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def tensors(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(16, 1 + seed % 3, 4, 6, generator=generator).to(dtype), torch.randn(5, 8, generator=generator).to(dtype)


def legacy(tensor):
    return saved(tensor, _use_new_zipfile_serialization=False)


BF16, F16, F32, F64 = TYPES
# Name: type, and the parts of latent x and text t.
FORMS = {
    "pth and numpy": (F32, lambda x, t: {"pth": saved(x), "pickle": pickle.dumps(t.numpy())}),
    "bf16 and a torch tensor": (BF16, lambda x, t: {"pth": saved(x), "pickle": pickle.dumps(t)}),
    "fp16": (F16, lambda x, t: {"pth": saved(x), "pickle": pickle.dumps(t.numpy())}),
    "fp64": (F64, lambda x, t: {"pth": saved(x), "pickle": pickle.dumps(t.numpy())}),
    "legacy": (BF16, lambda x, t: {"pth": legacy(x), "pickle": pickle.dumps(t, protocol=2)}),
    "a dot before the extension": (F16, lambda x, t: {".pth": saved(x), ".pickle": pickle.dumps(t.numpy()), ".json": b"{}"}),
    "batch axes": (BF16, lambda x, t: {"pth": saved(x[None]), "pickle": pickle.dumps(t[None])}),
    "a list that begins with it": (F32, lambda x, t: {"pth": saved(x), "pkl": pickle.dumps([t.numpy(), "more"])}),
    "a parameter on another device": (F32, lambda x, t: {"pth": saved(torch.nn.Parameter(x)), "pickle": pickle.dumps(t)}),
    "a view of more": (F32, lambda x, t: {"pth": saved(torch.stack([x, x])[1]), "pickle": pickle.dumps(t.numpy().T.copy().T)}),
    "pt and pyd": (F16, lambda x, t: {"pt": saved(x), "pyd": pickle.dumps(t)}),
    "npy": (F16, lambda x, t: {"latent.npy": saved_npy(x.numpy()), "text.npy": saved_npy(t.numpy())}),
    "npy and pickle": (F32, lambda x, t: {"npy": saved_npy(np.asfortranarray(x.numpy())), "pickle": pickle.dumps(t)}),
    "npz": (F16, lambda x, t: {"npz": saved_npz(latent=x.numpy(), text=t.numpy())}),
    "npz of Fortran's order, and more": (F64, lambda x, t: {"npz": saved_npz(other=np.ones(3), text=np.asfortranarray(t), latent=x.numpy())}),
    "safetensors": (BF16, lambda x, t: {"safetensors": save_safetensors({"latent": x, "text": t})}),
}


def archive(samples):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for key, parts in samples.items():
            for extension, content in parts.items():
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def elements(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def decoded(path, split="train"):
    done = subprocess.run([TOOL, "decoded", path, split], capture_output=True, text=True, check=True)
    samples = {}
    for line in done.stdout.splitlines():
        assert not line.startswith("error"), line
        key, *words = line.split(" ")
        samples[unhexed(key)] = [(words[i], tuple(map(int, words[i + 1].split(","))), bytes.fromhex(words[i + 2])) for i in (0, 3)]
    return samples


def expected(x, t):
    return [(TYPES[x.dtype], tuple(x.shape), elements(x)), (TYPES[t.dtype], tuple(t.shape), elements(t))]


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """Two shards with a sample of each form; prepared by Energon."""
    root = tmp_path_factory.mktemp("forms")
    originals = {f"{i:03}": tensors(i, dtype) for i, (dtype, _) in enumerate(FORMS.values())}
    samples = {key: form(*originals[key]) for key, (_, form) in zip(originals, FORMS.values())}
    for shard in range(2):
        (root / f"s-{shard}.tar").write_bytes(archive(dict(list(samples.items())[shard::2])))
    prepared_with(root, "--split-ratio", "1,0,0", "--sample-type", "CrudeWebdataset")
    return root, {key: expected(*pair) for key, pair in originals.items()}


@pytest.mark.parametrize("number, name", list(enumerate(FORMS)))
def test_each_form_is_read_from_a_data_set_that_energon_prepared(forms, number, name):
    root, originals = forms
    assert decoded(root)[f"{number:03}"] == originals[f"{number:03}"]


def test_dfm_index_records_the_same_shapes(forms, tmp_path):
    root, originals = forms
    ours = shutil.copytree(root, tmp_path / "ours")
    indexed(ours, "index.force_overwrite=true")
    assert (ours / ".nv-meta/dfm_shapes.bin").exists()
    assert decoded(ours) == originals  # the tool compares the recorded shape with each latent's


def as_old_as_5_2(root):
    (root / ".nv-meta/.info.yaml").write_text(yaml.safe_dump({"shard_counts": json.loads((root / ".nv-meta/.info.json").read_text())["shard_counts"]}))
    for name in (".info.json", "index.sqlite", "index.uuid"):
        (root / ".nv-meta" / name).unlink()


def as_old_as_6(root):
    as_old_as_5_2(root)
    splits = yaml.safe_load((root / ".nv-meta/split.yaml").read_text())
    (root / ".nv-meta/split.yaml").write_text(yaml.safe_dump(splits))  # sorted keys
    (root / ".nv-meta/index.sqlite").write_bytes(b"")


def with_split_json(root):
    splits = yaml.safe_load((root / ".nv-meta/split.yaml").read_text())
    (root / ".nv-meta/split.json").write_text(json.dumps(splits))
    (root / ".nv-meta/split.yaml").unlink()


@pytest.mark.parametrize("change", [lambda root: None, as_old_as_5_2, as_old_as_6, with_split_json],
                         ids=["as it is", "5.2", "6", "split.json"])
@pytest.mark.parametrize("name", ["plain", "shuffled"])
def test_the_golden_data_sets_are_read_and_trained_on(tmp_path, name, change):
    root = shutil.copytree(GOLDEN / name, tmp_path / name)
    change(root)
    with_tar = {}
    for path in root.glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                with_tar.setdefault(member.name.split(".")[0], {})[member.name.split(".")[1]] = tar.extractfile(member).read()
    found = decoded(root)
    assert len(found) == (60 if name == "plain" else 40)
    for key, pair in found.items():
        text = torch.as_tensor(pickle.loads(with_tar[key]["pickle"]))
        assert pair == expected(torch.load(io.BytesIO(with_tar[key]["pth"])), text)
    printed = run("dfm_train", *TINY, "--data-only", f"dataset.path={root}", "train.train_iters=10", ranks=2).stderr
    assert "data only: 10 steps, 60 samples" in printed and "has no record of the samples' shapes" in printed


def test_what_is_wrong_with_a_sample_is_said(tmp_path):
    x, t = tensors(1, F32)
    wild = x.clone()
    wild[3, 0, 1, 2] = float("nan")
    (tmp_path / "s.tar").write_bytes(archive({
        "a": {"json": b"{}", "pickle": pickle.dumps(t)}, "b": {"pth": saved(x)}, "c": {"pth": saved(wild), "pickle": pickle.dumps(t)},
        "d": {"pth": saved([x]), "pickle": pickle.dumps(t)}, "e": {"pth": saved(x), "pickle": pickle.dumps(np.array(["text"]))},
        "f": {"pth": saved(x)[:-90], "pickle": pickle.dumps(t)}, "h": {"npz": saved_npz(np.savez_compressed, latent=x, text=t)},
        "i": {"npz": saved_npz(latent=x, text=t).replace(t.numpy().tobytes(), bytes(t.numel() * 4))}, "j": {"npz": saved_npz(latent=x)},
        "g": {"pth": saved(x), "pickle": pickle.dumps(t)}}))
    indexed(tmp_path, code=7)
    lines = subprocess.run([TOOL, "decoded", tmp_path, "train"], capture_output=True, text=True).stdout.splitlines()
    for line, words in zip(lines, ["no .pth part", "no .pickle part", "not finite", "not one tensor", "not supported", "f.pth",
                                  "compressed", "CRC", "text.npy"]):
        assert line.startswith("error") and words in line
    assert not lines[9].startswith("error")
