"""journal.jsonl: what a run leaves about its starts and stops."""

import json

from conftest import TINY, run

MOCK = [*TINY, "dataset.H_latents=8", "dataset.W_latents=8", "dataset.context_seq_len=5"]


def events(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def of_kind(folder, *kinds):
    return [event for event in events(folder) if event["event"] in kinds]


def train(folder, *words, ranks=2, code=0, env=None):
    return run("dfm_train", "--mock", *MOCK, f"checkpoint.save={folder}", "train.train_iters=4", *words, ranks=ranks,
               code=code, env=env)


def test_every_start_and_stop_is_recorded(tmp_path):
    folder = tmp_path / "run"
    train(folder, "--stop-after-steps", 3, code=75, env={"SLURM_JOB_ID": "17", "SLURM_RESTART_COUNT": "2"})
    train(folder)
    first, stop, second, end = of_kind(folder, "start", "stop")
    assert first["step"] == 0 and first["ranks"] == 2 and "resumed_from" not in first
    assert first["slurm_job"] == "17" and first["slurm_restarts"] == "2"
    assert "dfm_train --mock" in first["command"] and len(first["hosts"]) == 1
    assert stop["code"] == 75 and stop["step"] == 3 and stop["reason"] == "train.stop_after_steps"
    assert second["step"] == 3 and second["resumed_from"].endswith("iter_0000003")
    assert end["code"] == 0 and end["step"] == 4


def test_a_failure_is_recorded_with_its_code_and_reason(tmp_path):
    folder = tmp_path / "run"
    train(folder, "--stop-after-steps", 1, code=75)
    train(folder, "optimizer.lr=1e30", "scheduler.lr_warmup_iters=0", "optimizer.clip_grad=0", "train.train_iters=50",
          code=1)
    last = events(folder)[-1]
    assert last["event"] == "stop" and last["code"] == 1 and "the loss is" in last["reason"]


def test_a_run_that_never_had_a_folder_gets_none_for_its_failure(tmp_path):
    run("dfm_train", f"checkpoint.save={tmp_path / 'run'}", code=2)
    assert not (tmp_path / "run").exists()
