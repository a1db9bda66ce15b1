"""What .json parts say of samples, beside what Energon's decoder makes of them; and training by it."""

import json
import math
import pickle
import re
import subprocess

import torch
from megatron.energon import SampleDecoder

from conftest import run, TINY
from energon_peer import collect, get_val_dataset, prepared_with, RawEncoder, TOOL, WorkerConfig
from test_parts import archive, saved
from test_tar_scanner import unhexed

DESCRIPTIONS = {
    "of an image": json.dumps({"image_height": 512, "image_width": 768, "aesthetic_score": 5.25}),
    "of a video": json.dumps({"video_path": "a/b.mp4", "framerate": 29.97, "num_frames": 81, "caption": "ein Hund läuft \"davon\"\n",
                              "resize_settings": {"target_size": None, "center_crop": False}}, indent=2),
    "unicode": json.dumps({"caption": "猫 🐈"}, ensure_ascii=False), "escapes": json.dumps({"caption": "猫 🐈"}),
    "no numbers": '{"a": NaN, "b": [Infinity, -Infinity], "NaN": "NaN \\" Infinity"}', "a key twice": '{"a": 1, "b": 2, "a": {"c": 3}}',
    "a byte order mark": "\ufeff{}", "numbers": "[0, -0.0, 1e-300, 123456789012345678, 0.1, 1E5]", "no object": '"text"', "white": " \r\n\t[ ]\n",
}


class Decoding(RawEncoder):
    decoder = SampleDecoder()


def by_energon(root):
    config = WorkerConfig(rank=0, world_size=1, num_workers=0)
    dataset = get_val_dataset(root, split_part="train", batch_size=1, worker_config=config, task_encoder=Decoding())
    return {key.split("/")[-1]: parts.get("json", parts.get(".json")) for key, parts in collect(dataset)}


def described(root):
    lines = subprocess.run([TOOL, "described", root, "train"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {unhexed(key): text for key, text in (line.split(" ", 1) for line in lines)}


def with_null(value):
    """What stands for NaN and infinities."""
    if isinstance(value, dict):
        return {key: with_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(with_null, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_json_parts_have_the_values_that_energon_decodes(tmp_path):
    names = {f"{i:03}": text for i, text in enumerate(DESCRIPTIONS.values())}
    (tmp_path / "s.tar").write_bytes(archive({key: {".json" if key[-1] == "1" else "json": text.encode(), "txt": b"x"}
                                              for key, text in names.items()}))
    prepared_with(tmp_path, "--split-ratio", "1,0,0", "--sample-type", "CrudeWebdataset")
    energon, ours = by_energon(tmp_path), described(tmp_path)
    assert len(energon) == len(DESCRIPTIONS) and ours.keys() == energon.keys()
    for key, value in energon.items():
        assert json.loads(ours[key]) == with_null(value), key
        if isinstance(value, dict):
            assert list(json.loads(ours[key])) == list(value)


def test_samples_below_the_aesthetic_score_do_not_train(tmp_path):
    latent, text = torch.randn(16, 1, 2, 2), torch.randn(3, 8)
    samples = {f"{i:03}": {"pth": saved(latent), "pickle": pickle.dumps(text.numpy()), "json": json.dumps({"aesthetic_score": i / 4}).encode()}
               for i in range(24)}
    (tmp_path / "s.tar").write_bytes(archive(samples))
    run("dfm_index", tmp_path, "--split-ratio", "1,0,0")
    words = [*TINY, "--data-only", f"dataset.path={tmp_path}", "train.global_batch_size=6", "train.train_iters=4"]
    for ranks in (1, 2):
        printed = run("dfm_train", *words, "dataset.aesthetic_score=4", ranks=ranks).stderr
        assert "data only: 4 steps, 8 samples" in printed and "dataset.aesthetic_score left out 16 samples" in printed
    samples["007"].pop("json")
    (tmp_path / "s.tar").write_bytes(archive(samples))
    run("dfm_index", tmp_path)
    assert "its .json has no number" not in run("dfm_train", *words).stderr
    failed = run("dfm_train", *words, "dataset.aesthetic_score=4", code=3).stderr
    assert re.search("sample 007 cannot be used: it has no .json part", failed)
