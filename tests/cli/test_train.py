"""dfm_train: training, stopping, resuming, and what it says about bad input."""

import fcntl
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from conftest import ENVIRONMENT, TINY, TINY_MOCK, command, rewrite_tar, run, start
from run_files import assert_same_bits, losses, tensors


def train(shards, folder, *words, ranks=2, code=0, iters=8):
    return run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", f"train.train_iters={iters}",
               *words, ranks=ranks, code=code)


def test_the_log_line_has_the_fields_of_the_reference(shards, tmp_path):
    printed = train(shards, tmp_path / "run", ranks=1, iters=2).stderr
    for field in ["iteration        2/       2", "consumed samples:", "elapsed time per iteration (ms):",
                  "learning rate:", "global batch size:", "lm loss:", "grad norm:"]:
        assert field in printed


def test_mock_data_need_no_data_set(tmp_path):
    run("dfm_train", "--mock", *TINY, "dataset.H_latents=8", "dataset.W_latents=8", "dataset.context_seq_len=5",
        f"checkpoint.save={tmp_path}", "train.train_iters=2")
    assert len(losses(tmp_path)) == 2


def test_a_measurement_leaves_no_checkpoint(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "train.train_iters=2", "checkpoint.save_last=false"]
    run("dfm_train", *words)
    assert len(losses(tmp_path)) == 2
    assert not list(tmp_path.glob("iter_*"))
    refused = run("dfm_train", *words, "checkpoint.sampling_weights=weights", code=2)
    assert "checkpoint.save_last" in refused.stderr


def test_a_measurement_that_is_stopped_goes_on_all_the_same(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "train.train_iters=2", "checkpoint.save_last=false"]
    run("dfm_train", *words, "train.stop_after_steps=1", code=75)
    assert "at iteration 1" in run("dfm_train", *words).stderr
    assert [line["iteration"] for line in losses(tmp_path)] == [1, 2]
    assert [path.name for path in tmp_path.glob("iter_*")] == ["iter_0000001"]


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_losses_do_not_depend_on_the_number_of_ranks(shards, tmp_path, ranks):
    words = ["checkpoint.save_interval=0"]
    train(shards, tmp_path / "one", *words, ranks=1, iters=20)
    train(shards, tmp_path / "many", *words, ranks=ranks, iters=20)
    one = [line["loss"] for line in losses(tmp_path / "one")]
    many = [line["loss"] for line in losses(tmp_path / "many")]
    assert len(one) == 20
    np.testing.assert_allclose(many, one, rtol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "bf16_mixed"])
@pytest.mark.parametrize("stop", [1, 3, 6])
def test_resuming_gives_the_same_bits(shards, tmp_path, precision, stop):
    words = [f"train.precision={precision}", "train.ema_decay=0.9"]
    train(shards, tmp_path / "straight", *words)
    train(shards, tmp_path / "resumed", *words, "--stop-after-steps", stop, code=75)
    printed = train(shards, tmp_path / "resumed", *words).stderr
    assert f"resuming from" in printed and f"iteration {stop}" in printed
    assert losses(tmp_path / "resumed") == losses(tmp_path / "straight")
    assert_same_bits(tensors(tmp_path / "resumed/iter_0000008"), tensors(tmp_path / "straight/iter_0000008"))


@pytest.mark.parametrize("name", ["TERM", "USR1", "USR2"])
def test_a_signal_to_any_rank_stops_all_resumably(shards, tmp_path, name):
    train(shards, tmp_path / "straight", iters=60)
    words = [*TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path / 'run'}", "train.train_iters=60"]
    process = start("dfm_train", *words, ranks=2)
    process.wait_for_steps(tmp_path / "run", 5)
    pids = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    # The last rank alone is told; several signals in a row do no harm.
    for _ in range(3):
        subprocess.run(["kill", f"-{name}", pids[-1]])
    assert "stopping at iteration" in process.ended(75)
    run("dfm_train", *words, ranks=2)
    assert losses(tmp_path / "run") == losses(tmp_path / "straight")
    assert_same_bits(tensors(tmp_path / "run/iter_0000060"), tensors(tmp_path / "straight/iter_0000060"))


@pytest.mark.parametrize("ranks", [1, 3])
def test_resuming_on_another_number_of_ranks_keeps_order_and_losses(shards, tmp_path, ranks):
    train(shards, tmp_path / "straight")
    train(shards, tmp_path / "moved", "--stop-after-steps", 4, code=75)
    train(shards, tmp_path / "moved", ranks=ranks)
    straight, moved = losses(tmp_path / "straight"), losses(tmp_path / "moved")
    assert [line["consumed_samples"] for line in moved] == [line["consumed_samples"] for line in straight]
    np.testing.assert_allclose([line["loss"] for line in moved], [line["loss"] for line in straight], rtol=1e-6)


def test_a_finished_run_does_nothing_more(shards, tmp_path):
    train(shards, tmp_path / "run")
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    train(shards, tmp_path / "run")
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before


def test_validation_and_its_pictures_are_recorded(shards, tmp_path):
    words = ["train.eval_interval=4", 'validation.prompts=["a red picture","a blue picture"]', "validation.num_steps=3"]
    train(shards, tmp_path / "run", *words, iters=4)
    validation = [line for line in losses(tmp_path / "run") if line["kind"] == "validation"]
    assert len(validation) == 1 and validation[0]["iteration"] == 4
    assert len(list((tmp_path / "run/validation").glob("step_0000004_*.png"))) == 2
    assert "a red picture" in (tmp_path / "run/report.html").read_text()


def test_the_report_shows_pictures_under_the_prompts_they_were_drawn_for(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "train.eval_interval=1", "train.eval_iters=1", "validation.num_steps=2"]
    run("dfm_train", *words, "train.train_iters=1", 'validation.prompts=["a dog","a cat"]')
    run("dfm_train", *words, "train.train_iters=2", 'validation.prompts=["a tree"]')
    page = (tmp_path / "report.html").read_text()
    assert all(prompt in page for prompt in ("a dog", "a cat", "a tree"))


def test_one_noise_level_a_pack_is_an_option_that_keeps_its_numbers(shards, tmp_path):
    words = ["diffusion.noise_level=per_pack", "dataset.task_encoder_seq_length=9"]
    train(shards, tmp_path / "one", *words, ranks=1)
    train(shards, tmp_path / "two", *words, ranks=2)
    one = [line["loss"] for line in losses(tmp_path / "one")]
    np.testing.assert_allclose([line["loss"] for line in losses(tmp_path / "two")], one, rtol=1e-6)


def test_numbers_that_are_not_finite_end_the_run_before_it_saves(shards, tmp_path):
    words = ["optimizer.lr=1e30", "scheduler.lr_warmup_iters=0", "optimizer.clip_grad=0", "checkpoint.save_interval=1"]
    printed = train(shards, tmp_path / "run", *words, code=1, iters=50).stderr
    assert "the loss is" in printed and "hint" in printed
    last = max(int(p.name[5:]) for p in (tmp_path / "run").glob("iter_*"))
    for values in tensors(tmp_path / f"run/iter_{last:07}").values():
        assert np.isfinite(values).all()


def test_a_moving_average_may_be_asked_for_later(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "checkpoint.save_interval=1"]
    run("dfm_train", *words, "train.train_iters=2")
    printed = run("dfm_train", *words, "train.train_iters=4", "train.ema_decay=0.5").stderr
    assert "iter_0000002 holds no moving average (train.ema_decay): it begins with the weights" in printed
    assert not list(tmp_path.glob("*.damaged"))
    of_step = {step: tensors(tmp_path / f"iter_{step:07}") for step in (2, 3, 4)}
    for file, kind, name in of_step[2]:
        if kind != "weights":
            continue
        average = of_step[2][file, kind, name]
        for step in (3, 4):
            average = 0.5 * average + 0.5 * of_step[step][file, kind, name]
        np.testing.assert_allclose(of_step[4][file, "ema", name], average, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("words", [["model.tensor_model_parallel_size=2"], ["ddp.num_distributed_optimizer_instances=2"],
                                   ["train.micro_batch_size=2"], ["model.tensor_model_parallel_size=2", "--data-only"]])
def test_a_mistake_of_all_ranks_is_told_once(tmp_path, words):
    printed = run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", *words, ranks=3, code=2).stderr
    assert printed.count("error: ") == 1 and printed.count("hint: ") == 1


@pytest.mark.parametrize("word, code", [("model.max_img_h=2", 2), ("dataset.task_encoder_seq_length=4", 3)])
def test_a_mistake_that_all_ranks_find_in_a_step_is_told_once(tmp_path, word, code):
    printed = run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", word, ranks=3, code=code).stderr
    assert printed.count("error: ") == 1 and printed.count("hint: ") == 1 and word.split("=")[0] in printed


@pytest.mark.parametrize("words, says", [
    (["checkpoint.save="], "checkpoint.save = '' is not accepted"),
    (["optimizer.min_lr=1"], "optimizer.min_lr = 1 is above optimizer.lr = 0.001"),
    (["dataset.num_workers=100000"], "dataset.num_workers = '100000' is not accepted"),
    (["ddp.num_distributed_optimizer_instances=4294967297"], "'4294967297' is not accepted"),
    (["model.max_frames=9223372036854775807"], "model.max_frames = '9223372036854775807' is not accepted")])
def test_numbers_that_no_run_can_have_are_told_by_their_key(tmp_path, words, says):
    assert says in run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", *words, code=2).stderr


def test_a_limit_beyond_all_numbers_of_ticks_does_not_end_the_start(tmp_path):
    run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", "train.train_iters=1", "watchdog.startup_limit_seconds=1e300")


def test_threads_that_the_system_does_not_give_are_a_usage_error(tmp_path):
    words = command("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", "train.train_iters=1", "dataset.num_workers=1024")
    done = subprocess.run(["bash", "-c", 'ulimit -v 5000000 && exec "$@"', "bash", *words], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2 and "dataset.num_workers = 1024: after " in done.stderr, done.stderr


def test_a_second_run_in_a_folder_is_refused_and_costs_the_first_one_nothing(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "checkpoint.save_interval=50", "train.train_iters=100000"]
    first = start("dfm_train", *words)
    first.wait_for_steps(tmp_path, 1)
    printed = run("dfm_train", *words, ranks=2, code=4).stderr
    assert "is in use by another program" in printed and f"process {first.pid}" in printed
    first.terminate()
    first.ended(75)
    assert [line["iteration"] for line in losses(tmp_path)] == list(range(1, len(losses(tmp_path)) + 1))
    assert "resuming from" in run("dfm_train", *words, "train.stop_after_steps=1", code=75).stderr


def test_a_run_waits_for_the_end_of_the_one_before(tmp_path):
    words = [*TINY_MOCK, f"checkpoint.save={tmp_path}", "train.train_iters=100000"]
    first = start("dfm_train", *words)
    first.wait_for_steps(tmp_path, 1)
    second = start("dfm_train", *words, "train.stop_after_steps=1")
    second.wait_for_text("waiting for another program")
    first.terminate()
    first.ended(75)
    assert "resuming from" in second.ended(75)


def test_a_run_waits_longer_for_another_node_and_can_be_stopped_meanwhile(tmp_path):
    lock = (tmp_path / ".in_use").open("w")
    lock.write("another-node, process 1")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    waiting = start("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}")
    waiting.wait_for_text("waiting for another program")
    time.sleep(11)  # one of this node would have been given up
    waiting.terminate()
    waiting.ended(75)
    assert not list(tmp_path.glob("iter_*"))


def test_missing_data_are_usage_errors(tmp_path):
    assert "--mock" in run("dfm_train", f"checkpoint.save={tmp_path}", code=2).stderr


def test_an_unindexed_folder_says_what_to_do(tmp_path):
    printed = run("dfm_train", f"dataset.path={tmp_path}", f"checkpoint.save={tmp_path / 'run'}", ranks=2, code=3).stderr
    assert "dfm_index" in printed


def test_text_of_another_width_is_a_usage_error(shards, tmp_path):
    printed = train(shards, tmp_path / "run", "model.crossattn_emb_size=512", code=2).stderr
    assert "1024" in printed and "512" in printed


@pytest.mark.parametrize("words, says", [
    (["model.crossattn_emb_size=32"], ["encoded 1024 wide (encoders.text = hash), the model takes 32", "model.crossattn_emb_size=1024"]),
    (["model.in_channels=4"], ["have 16 channels (encoders.codec = dct), the model 4", "model.in_channels=16"]),
    (["model.patch_temporal=2"], ["one frame, but patches are 2 deep"]),
    (["validation.image_size=24"], ["24 x 24 pixels", "multiples of 16 up to 128", "validation.image_size=16"]),
    (["validation.image_size=1600"], ["1600 x 1600 pixels", "validation.image_size=128"]),
    (["dataset.H_latents=4", "dataset.W_latents=30", "model.max_img_w=32"], ["240 x 240 pixels", "validation.image_size=128"])])
def test_prompts_that_the_model_cannot_draw_are_a_usage_error(tmp_path, words, says):
    printed = run("dfm_train", *TINY_MOCK, f"checkpoint.save={tmp_path}", "train.eval_interval=2", 'validation.prompts=["a"]',
                  *words, code=2).stderr
    assert all(part in printed for part in says), printed


def test_a_sample_longer_than_a_pack_is_a_data_error(shards, tmp_path):
    printed = train(shards, tmp_path / "run", "dataset.task_encoder_seq_length=3", code=3).stderr
    assert "4 tokens" in printed and "dataset.task_encoder_seq_length" in printed


def test_a_hostile_pickle_is_never_executed(shards, tmp_path):
    data = tmp_path / "shards"
    shutil.copytree(shards, data)
    proof = tmp_path / "executed"
    hostile = b"cos\nsystem\n(S'touch %s'\ntR." % str(proof).encode()
    for shard in data.glob("*.tar"):
        rewrite_tar(shard, lambda name, content: hostile if name.endswith(".pickle") else content)
    printed = run("dfm_index", data, "--force-overwrite", "--split-ratio", "4,2,0", code=7).stderr
    assert "os.system is not allowed" in printed
    assert not proof.exists()
    # An index made before the shards were changed does not help them.
    for shard in data.glob("*.tar"):
        original = (shards / shard.name).read_bytes()
        shard.write_bytes(original)
    run("dfm_index", data, "--force-overwrite", "--split-ratio", "4,2,0")
    padded = lambda name, content: hostile.ljust(len(content), b"\0") if name.endswith(".pickle") else content
    for shard in data.glob("*.tar"):
        rewrite_tar(shard, padded)
    printed = run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path / 'run'}",
                  "train.train_iters=2", ranks=2, code=3).stderr
    assert "cannot be used" in printed
    assert not proof.exists()


def with_a_bad_sample(shards, data):
    shutil.copytree(shards, data)
    flipped = lambda name, content: content[:-300] + bytes(200) + content[-100:]
    target = sorted(data.glob("*.tar"))[0]
    first = []
    rewrite_tar(target, lambda name, content: flipped(name, content)
                if name.endswith(".pth") and not first and not first.append(name) else content)
    return data


def test_a_few_bad_samples_may_be_left_out(shards, tmp_path):
    data = with_a_bad_sample(shards, tmp_path / "shards")
    run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path / 'strict'}", "train.train_iters=4",
        ranks=2, code=3)
    printed = run("dfm_train", *TINY, f"dataset.path={data}", f"checkpoint.save={tmp_path / 'lax'}",
                  "train.train_iters=4", "dataset.max_bad_samples=5", ranks=2).stderr
    assert "left out" in printed


def damage(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", ["truncated", "flipped", "missing", "manifest"])
def test_a_damaged_checkpoint_is_passed_over(shards, tmp_path, harm):
    folder = tmp_path / "run"
    train(shards, folder, "checkpoint.save_interval=2", iters=6)
    newest = folder / "iter_0000006"
    victim = newest / ("manifest.json" if harm == "manifest" else "rank_00001.h5")
    if harm == "truncated":
        victim.write_bytes(victim.read_bytes()[:-1000])
    elif harm == "missing":
        victim.unlink()
    else:
        damage(victim, victim.stat().st_size // 2)
    printed = train(shards, folder, "checkpoint.save_interval=2", iters=8).stderr
    assert "iter_0000006 cannot be used" in printed and "resuming from" in printed and "iter_0000004" in printed


def test_a_newest_checkpoint_that_lost_its_manifest_is_missed(shards, tmp_path):
    folder = tmp_path / "run"
    train(shards, folder, "checkpoint.save_interval=2", iters=4)
    (folder / "iter_0000004/manifest.json").unlink()
    printed = train(shards, folder, iters=6).stderr
    assert "says that iter_0000004 was saved, but it is not there as a whole" in printed
    assert "resuming from" in printed and "iter_0000002" in printed


def test_a_history_without_a_valid_checkpoint_is_not_started_over(shards, tmp_path):
    folder = tmp_path / "run"
    train(shards, folder, iters=2)
    damage(folder / "iter_0000002/rank_00000.h5", 3000)
    before = {p.name for p in folder.rglob("*") if p.is_file()}
    for _ in range(2):
        printed = train(shards, folder, iters=4, code=5).stderr
        assert "none of them is valid" in printed and "hint" in printed
    assert {p.name for p in folder.rglob("*") if p.is_file()} >= before
    assert (folder / "iter_0000002.damaged/WHY.txt").exists()


def test_a_checkpoint_of_another_model_is_refused(shards, tmp_path):
    train(shards, tmp_path / "run", iters=2)
    printed = train(shards, tmp_path / "run", "model.num_layers=3", code=2).stderr
    assert "model.num_layers is 2 there and 3 here" in printed


def test_a_named_checkpoint_that_is_not_there_is_code_5(shards, tmp_path):
    train(shards, tmp_path / "run", f"checkpoint.load={tmp_path / 'nowhere'}", code=5)


def test_an_old_iteration_can_be_continued_elsewhere(shards, tmp_path):
    train(shards, tmp_path / "run", "checkpoint.save_interval=2")
    train(shards, tmp_path / "fork", f"checkpoint.load_checkpoint={tmp_path / 'run/iter_0000004'}/")
    assert losses(tmp_path / "fork") == losses(tmp_path / "run")[4:]
