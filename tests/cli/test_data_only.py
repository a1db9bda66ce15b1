"""dfm_train --data-only: reads as a run would and says how fast."""

import re

from conftest import TINY, run


def samples_and_rate(text):
    return re.search(r"data only: (\d+) steps, (\d+) samples, .* MB/s", text).groups()


def test_it_reads_every_step_once_over_all_ranks_and_writes_nothing(shards, tmp_path):
    for ranks in (1, 2, 3):
        done = run("dfm_train", *TINY, "--data-only", f"dataset.path={shards}", f"checkpoint.save={tmp_path}/run",
                   "train.train_iters=7", ranks=ranks)
        assert samples_and_rate(done.stderr) == ("7", "42")
        assert "per rank, min / median / max" in done.stderr
    assert not (tmp_path / "run").exists()


def test_it_uses_staging_as_a_run_does(shards, tmp_path):
    done = run("dfm_train", *TINY, "--data-only", f"dataset.path={shards}", "train.train_iters=3",
               "stage.mode=broadcast", f"stage.scratch={tmp_path}")
    assert "staged 9 copies" in done.stderr


def test_a_step_that_computes_hides_the_reading(shards):
    """The share of stalls falls from nearly all of the time to a part of it."""
    def stalled(*words):
        done = run("dfm_train", *TINY, "--data-only", f"dataset.path={shards}", "train.train_iters=10", *words)
        return float(re.search(r"stalled [\d.]+ / ([\d.]+)", done.stderr)[1])

    assert stalled("train.data_only_step_seconds=0.1") < stalled()


def test_it_stops_resumable(shards):
    done = run("dfm_train", *TINY, "--data-only", f"dataset.path={shards}", "train.train_iters=1000",
               "--stop-after-steps", 2, code=75)
    assert samples_and_rate(done.stderr)[0] == "2"
