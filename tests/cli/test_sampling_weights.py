"""checkpoint.sampling_weights: the file that a finished run leaves for dfm_sample."""

import json

import pytest

from conftest import TINY, run


def words(shards, folder, *more):
    return [*TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=3", "train.ema_decay=0.9",
            *more]


@pytest.mark.parametrize("wanted, dtype, options", [
    ("weights", "float32", []),
    ("ema", "bfloat16", ["--ema", "--dtype", "bfloat16"]),
])
def test_the_file_has_the_bytes_that_consolidating_gives(shards, tmp_path, wanted, dtype, options):
    run("dfm_train", *words(shards, tmp_path / "run", f"checkpoint.sampling_weights={wanted}",
                            f"checkpoint.sampling_dtype={dtype}"), ranks=2)
    run("dfm_consolidate", tmp_path / "run", tmp_path / "again.safetensors", *options)
    assert (tmp_path / "run/weights.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_sampling_opens_the_file(shards, tmp_path):
    file = tmp_path / "light.safetensors"
    run("dfm_train", *words(shards, tmp_path / "run", "checkpoint.sampling_weights=ema",
                            f"checkpoint.sampling_file={file}", "checkpoint.sampling_dtype=float16"))
    run("dfm_sample", file, "--prompt", "x", "--height", 32, "--width", 32, "sample.num_steps=2", "sample.guidance=1",
        "--output", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("0*.png"))) == 1


def test_a_run_that_stops_early_leaves_it_to_the_start_that_finishes(shards, tmp_path):
    wanted = words(shards, tmp_path, "checkpoint.sampling_weights=weights")
    run("dfm_train", *wanted, "train.stop_after_steps=2", code=75)
    assert not (tmp_path / "weights.safetensors").exists()
    run("dfm_train", *wanted)
    written = (tmp_path / "weights.safetensors").read_bytes()
    # And to one that finds everything done but this.
    (tmp_path / "weights.safetensors").unlink()
    run("dfm_train", *wanted)
    assert (tmp_path / "weights.safetensors").read_bytes() == written


def test_the_journal_tells_of_the_file(shards, tmp_path):
    run("dfm_train", *words(shards, tmp_path, "checkpoint.sampling_weights=weights"), ranks=2)
    events = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    [told] = [event for event in events if event["event"] == "sampling_weights"]
    assert told["step"] == 3 and told["checkpoint"] == str(tmp_path / "iter_0000003")
    assert told["file"] == str(tmp_path / "weights.safetensors")
    assert 0 < told["bytes"] <= (tmp_path / "weights.safetensors").stat().st_size


def test_none_is_written_unless_asked_for(trained):
    assert not list(trained.glob("*.safetensors"))


@pytest.mark.parametrize("more, text", [
    (["checkpoint.sampling_weights=ema", "train.ema_decay=0"], "train.ema_decay"),
    (["checkpoint.sampling_weights=weights", "checkpoint.sampling_file=model.pth"], ".safetensors"),
])
def test_what_could_not_be_written_at_the_end_is_refused_at_the_start(shards, tmp_path, more, text):
    assert text in run("dfm_train", *words(shards, tmp_path / "run", *more), ranks=2, code=2).stderr
    assert not list((tmp_path / "run").glob("iter_*"))
