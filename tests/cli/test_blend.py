"""Training on a metadataset: what it is made of, staging it, and going on with other ranks."""

import json
import re

import pytest

from conftest import run, TINY


def blend(folder, *parts):
    """parts: (path, split, weight)."""
    file = folder / "blend.yaml"
    lines = [f"      - {{path: {path}, split_part: {split}, weight: {weight}}}" for path, split, weight in parts]
    file.write_text("__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n  train:\n    blend:\n" + "\n".join(lines) + "\n")
    return file


def losses(folder):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def test_it_reads_a_blend_and_says_what_it_is_made_of(shards, tmp_path):
    file = blend(tmp_path, (shards, "train", 3), (shards, "val", 1))
    for ranks in (1, 3):
        done = run("dfm_train", *TINY, "--data-only", f"dataset.path={file}", "train.train_iters=7", ranks=ranks)
        assert re.search("data only: 7 steps, 42 samples", done.stderr)
        assert f"blend: 75.00 % from {shards} (train, 16 samples)" in done.stderr
        assert f"blend: 25.00 % from {shards} (val, 7 samples)" in done.stderr


def test_it_stages_a_blend(shards, tmp_path):
    done = run("dfm_train", *TINY, "--data-only", f"dataset.path={blend(tmp_path, (shards, 'train', 1), (shards, 'train', 2))}",
               "train.train_iters=3", "stage.mode=broadcast", f"stage.scratch={tmp_path}")
    assert "staged 9 copies" in done.stderr


def test_it_goes_on_exactly_with_other_ranks(shards, tmp_path):
    words = [*TINY, f"dataset.path={blend(tmp_path, (shards, 'train', 3), (shards, 'val', 1))}", "train.train_iters=8"]
    run("dfm_train", *words, f"checkpoint.save={tmp_path}/one")
    run("dfm_train", *words, f"checkpoint.save={tmp_path}/other", "--stop-after-steps", 3, ranks=2, code=75)
    run("dfm_train", *words, f"checkpoint.save={tmp_path}/other", ranks=3)
    assert losses(tmp_path / "other") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)


def test_it_validates_on_the_val_split_of_the_metadataset(shards, tmp_path):
    file = tmp_path / "blend.yaml"
    file.write_text("__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n"
                    f"  train: {{path: {shards}}}\n  val: {{path: {shards}}}\n")
    words = [*TINY[:-1], "train.eval_interval=2", "train.train_iters=2"]
    run("dfm_train", *words, f"dataset.path={file}", f"checkpoint.save={tmp_path}/blend")
    run("dfm_train", *words, f"dataset.path={shards}", f"checkpoint.save={tmp_path}/folder")
    read = lambda name: [{k: v for k, v in json.loads(line).items() if k != "step_seconds"}
                         for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
    assert read("blend") == read("folder")


def test_a_broken_metadataset_ends_with_the_file_the_place_and_a_remedy(shards, tmp_path):
    file = blend(tmp_path, (shards, "train", -1))
    printed = run("dfm_train", *TINY, "--data-only", f"dataset.path={file}", "train.train_iters=1", ranks=2, code=3).stderr
    assert f"{file}: splits.train.blend[0].weight: is not a number from 0 on" in printed
