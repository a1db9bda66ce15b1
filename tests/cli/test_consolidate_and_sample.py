"""dfm_consolidate and dfm_sample: from a checkpoint to pictures."""

import json
import shutil
import signal

import numpy as np
import pytest

from conftest import run, start

SMALL = ["--height", 32, "--width", 32, "sample.num_steps=4", "sample.guidance=1"]


def test_the_exported_file_is_read_by_the_python_library(trained, weights):
    import h5py
    from safetensors import safe_open

    with safe_open(weights, "np") as file:
        names = set(file.keys())
        assert "decoder.layers.1.mlp.linear_fc1.weight" in names
        config = json.loads(file.metadata()["dfm.config"])
        exported = file.get_tensor("x_embedder.weight")
    assert config["model.num_layers"] == "2"
    with h5py.File(trained / "iter_0000004/rank_00000.h5") as stored:
        np.testing.assert_array_equal(exported.ravel(), stored["weights/x_embedder.weight@0"][()])


def test_bfloat16_and_the_moving_average_are_options(trained, tmp_path):
    from safetensors.torch import load_file

    run("dfm_consolidate", trained, tmp_path / "a.safetensors")
    run("dfm_consolidate", trained, tmp_path / "b.safetensors", "--dtype", "bfloat16", "--ema")
    a, b = load_file(tmp_path / "a.safetensors"), load_file(tmp_path / "b.safetensors")
    name = "decoder.layers.0.mlp.linear_fc2.weight"
    assert b[name].dtype.is_floating_point and b[name].element_size() == 2
    assert not np.array_equal(a[name].numpy(), b[name].float().numpy())


def test_sharded_checkpoints_give_the_same_file(shards, tmp_path):
    from conftest import TINY

    words = [*TINY, f"dataset.path={shards}", "train.train_iters=1", "optimizer.lr=0"]
    for ranks in (1, 3):
        run("dfm_train", *words, f"checkpoint.save={tmp_path / str(ranks)}", ranks=ranks)
        run("dfm_consolidate", tmp_path / str(ranks), tmp_path / f"{ranks}.safetensors", ranks=ranks)
    from safetensors.numpy import load_file

    one, three = load_file(tmp_path / "1.safetensors"), load_file(tmp_path / "3.safetensors")
    assert one.keys() == three.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(three[name], values)


def test_an_empty_folder_is_code_5(tmp_path):
    run("dfm_consolidate", tmp_path, tmp_path / "x.safetensors", ranks=2, code=5)


def test_pictures_latents_sheet_and_page_are_written(weights, tmp_path):
    run("dfm_sample", weights, "--prompt", "a red picture", "--prompt", "a blue/green picture", *SMALL,
        "--samples-per-prompt", 2, "--output", tmp_path / "out")
    names = sorted(p.name for p in (tmp_path / "out").glob("0*.png"))
    assert names == ["000000_a_red_picture.png", "000001_a_red_picture.png", "000002_a_blue_green_picture.png",
                     "000003_a_blue_green_picture.png"]
    assert len(list((tmp_path / "out/latents").glob("*.safetensors"))) == 4
    assert (tmp_path / "out/contact_sheet.png").exists()
    assert "a blue/green picture" in (tmp_path / "out/index.html").read_text()


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_same_seed_gives_the_same_picture_on_any_number_of_ranks(weights, tmp_path, ranks):
    words = [*SMALL, "--samples-per-prompt", 5, "sample.batch_size=2"]
    for prompt in ("a red picture", "a green picture"):
        words += ["--prompt", prompt]
    run("dfm_sample", weights, *words, "--output", tmp_path / "one")
    run("dfm_sample", weights, *words, "--output", tmp_path / "many", ranks=ranks)
    for path in (tmp_path / "one").glob("*.png"):
        assert (tmp_path / "many" / path.name).read_bytes() == path.read_bytes()


def test_another_seed_gives_another_picture(weights, tmp_path):
    for seed in (1, 2):
        run("dfm_sample", weights, "--prompt", "a red picture", *SMALL, "--seed", seed, "--output", tmp_path / str(seed))
    name = "000000_a_red_picture.png"
    assert (tmp_path / "1" / name).read_bytes() != (tmp_path / "2" / name).read_bytes()


def test_spellings_of_the_users_documents_make_a_video(weights, tmp_path):
    from PIL import Image  # noqa: F401  (the sheet below is a picture)

    target = tmp_path / "butterfly.mp4"
    run("dfm_sample", "--checkpoint_path", weights, "--prompt", "a red picture", "--sizes", "48*32", "--frame_nums", 5,
        "--sample_steps", 3, "--guidance", 1, "--base_seed", 4, "--cp_size", 1, "--video_save_path", target)
    assert target.stat().st_size > 500
    assert target.read_bytes()[4:8] == b"ftyp"


def test_an_interrupted_run_keeps_what_it_computed(weights, tmp_path):
    words = [weights, "--prompt", "a red picture", "--samples-per-prompt", 20, *SMALL[:-2], "sample.num_steps=400",
             "sample.batch_size=1", "--output", tmp_path / "out"]
    process = start("dfm_sample", *words)
    process.wait_until(lambda: len(list((tmp_path / "out/latents").glob("0*.safetensors"))) >= 2)
    process.send_signal(signal.SIGTERM)
    process.ended(75)
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/latents").glob("0*.safetensors")}
    assert 2 <= len(kept) < 20
    printed = run("dfm_sample", *words).stderr
    assert f"({len(kept)} latents were there already)" in printed
    assert all(p.stat().st_mtime_ns == then for p, then in kept.items())


@pytest.mark.parametrize("words, text", [
    (["--prompt", "x", "--height", 40], "multiple of 16"),
    (["--prompt", "x", "--num-video-frames", 6], "4n + 1"),
    (["--prompt", "x", "--sizes", "big"], "WIDTH*HEIGHT"),
    (["--prompt", "x", "--sizes", "1048576*1048576"], "samples of 1048576 x 1048576 pixels, 1 frame need at least"),
    (["--prompt", "x", "--sizes", f"{2**62}*{2**62}"], "need at least"),
    (["--prompt", "x", "--height", 2**40], "sample.height = '1099511627776' is not accepted"),
    (["--prompt", "x", "--samples-per-prompt", 10**12], "sample.samples_per_prompt = '1000000000000' is not accepted"),
    (["--prompt", "x", "--prompt", "y", "--samples-per-prompt", 600_000], "2 prompts with 600000 samples each are more than 1000000"),
    (["--prompt", "x", "--cp-size", 2], "shares no network between ranks"),
    (["--prompt", "x", "--output", "one.jpg"], "name it one.png, or name a folder"),
    (["--prompt", "x", "--output", "one.MP4", "--frame-nums", 5], "name it one.mp4, or name a folder"),
    (["--prompt", "x", "--sizes", "32*32", "--height", 64], "sample.height = 64 has no effect with sample.size = 32*32"),
    (["--prompt", "x", "--guidance", 0, "--negative-prompt", "y"], "sample.negative_prompt = y has no effect"),
    (["--prompt", "x", "model.num_layers=3"], "model.num_layers = 3 has no effect with weights that carry"),
    (["--prompt", "x", "--sample-shift", 3, *SMALL], "sample.shift = 3 has no effect with a model trained by EDM"),
    (["--prompt", "x", "--prompt", "y", "--output", "one.png"], "names one file"),
    ([], "--prompt"),
])
def test_impossible_requests_are_usage_errors(weights, words, text):
    assert text in run("dfm_sample", weights, *words, ranks=2, code=2).stderr


def test_files_that_sampling_did_not_make_are_not_overwritten(weights, tmp_path):
    for name in ("one.png", "index.html", "contact_sheet.png", "000000_x.png"):
        (tmp_path / name).write_text("mine")
    words = [weights, "--prompt", "x", *SMALL]
    for output, name in ((tmp_path / "one.png", "one.png"), (tmp_path, "000000_x.png")):
        assert f"{tmp_path / name} is there already" in run("dfm_sample", *words, "--output", output, ranks=2, code=2).stderr
    (tmp_path / "000000_x.png").unlink()
    assert "contact_sheet.png is there already" in run("dfm_sample", *words, "--output", tmp_path, code=2).stderr
    for _ in range(2):  # what it made itself, it makes again
        run("dfm_sample", *words, "--output", tmp_path / "two.png", ranks=2)
        assert (tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    for name in ("one.png", "index.html", "contact_sheet.png"):
        assert (tmp_path / name).read_text() == "mine"


def test_prompts_in_another_encoding_are_a_data_error(weights, tmp_path):
    (tmp_path / "prompts.txt").write_bytes("café".encode("latin-1"))
    words = ["--prompt-file", tmp_path / "prompts.txt", "--output", tmp_path / "out"]
    assert "prompts.txt is not UTF-8" in run("dfm_sample", weights, *words, *SMALL, ranks=2, code=3).stderr
    assert not (tmp_path / "out").exists()


def test_values_that_are_not_finite_are_an_error_that_leaves_no_picture(weights, tmp_path):
    words = ["--prompt", "x", *SMALL[:-1], "--guidance", 1e300, "--output", tmp_path / "out"]
    assert "not finite" in run("dfm_sample", weights, *words, ranks=2, code=1).stderr
    assert not list(tmp_path.glob("out/*.png"))


def test_sizes_beyond_the_position_table_are_refused(weights, tmp_path):
    printed = run("dfm_sample", weights, "--prompt", "x", "--height", 512, "--width", 32, "--output", tmp_path, code=2)
    assert "model.max_img_h" in printed.stderr


def test_a_sharded_checkpoint_says_to_consolidate_first(trained, tmp_path):
    assert "dfm_consolidate" in run("dfm_sample", trained, "--prompt", "x", code=2).stderr


def test_a_damaged_weights_file_is_a_data_error(weights, tmp_path):
    cut = tmp_path / "cut.safetensors"
    shutil.copy(weights, cut)
    cut.write_bytes(cut.read_bytes()[:-1000])
    assert "cut.safetensors" in run("dfm_sample", cut, "--prompt", "x", *SMALL, ranks=2, code=3).stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_weights_staged_on_the_node_give_the_same_pictures(ranks, weights, tmp_path):
    words = [weights, "--prompt", "a seven", *SMALL]
    run("dfm_sample", *words, "--output", tmp_path / "plain")
    done = run("dfm_sample", *words, "--output", tmp_path / "staged", "stage.mode=broadcast",
               f"stage.scratch={tmp_path}/scratch", ranks=ranks)
    assert f"reading the weights from {tmp_path}/scratch/" in done.stderr
    plain, staged = (sorted((tmp_path / name).glob("*.png")) for name in ("plain", "staged"))
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in staged]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_scratch_without_room_for_the_weights_ends_with_code_4(weights, tmp_path):
    done = run("dfm_sample", weights, "--prompt", "x", *SMALL, "--output", tmp_path / "out", "stage.mode=broadcast",
               f"stage.scratch={tmp_path}/scratch", "stage.margin=1", ranks=2, code=4)
    assert "room" in done.stderr
