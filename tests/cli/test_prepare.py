"""dfm_prepare: pictures with captions to shards."""

import fcntl
import gzip
import hashlib
import json
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time

import pytest

from conftest import ENVIRONMENT, command, png, run


def shard_hashes(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.tar"))}


def members(folder):
    found = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as archive:
            for member in archive.getmembers():
                found[member.name] = archive.extractfile(member).read()
    return found


def test_a_sample_is_a_latent_a_text_embedding_and_a_description(pictures, tmp_path):
    run("dfm_prepare", pictures, tmp_path / "out", "--height", 32, "--width", 48)
    files = members(tmp_path / "out")
    assert len(files) == 3 * 23
    description = json.loads(files["000002.json"])
    assert description["caption"] == "a blue picture" and description["image_width"] == 48
    text = pickle.loads(files["000002.pickle"])
    assert text.shape == (3, 1024) and text.dtype == "float16"


def test_the_bytes_do_not_depend_on_the_number_of_ranks(pictures, tmp_path):
    made = []
    for ranks in (1, 2, 3):
        folder = tmp_path / str(ranks)
        run("dfm_prepare", pictures, folder, "--height", 32, "--width", 32, "--shard-maxcount", 4, ranks=ranks)
        made.append(shard_hashes(folder))
    assert len(made[0]) == 6
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("shard_maxcount", [100, 7])
def test_one_shard_made_by_many_ranks_has_the_same_bytes(shard_maxcount, pictures, tmp_path):
    made = []
    for ranks in (1, 2, 4, 7):
        folder = tmp_path / str(ranks)
        run("dfm_prepare", pictures, folder, "--height", 32, "--width", 32, "--shard-maxcount", shard_maxcount, ranks=ranks)
        made.append(shard_hashes(folder))
        assert not list((folder / ".dfm_prepare").glob("*part_*"))
    assert all(hashes == made[0] for hashes in made)


def test_a_killed_run_goes_on_from_the_blocks_that_it_finished(pictures, tmp_path):
    words = ["--height", 32, "--width", 32]
    run("dfm_prepare", pictures, tmp_path / "whole", *words)
    out = tmp_path / "out"
    process = subprocess.Popen(command("dfm_prepare", pictures, out, *words), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    parts = []
    while process.poll() is None and len(parts) < 3:
        parts = sorted((out / ".dfm_prepare").glob("part_*.tar"))
        time.sleep(0.001)
    process.kill()
    process.wait(timeout=60)
    if not list(out.glob("*.tar")):  # it may have been quicker than the signal
        assert list((out / ".dfm_prepare").glob("part_*.tar"))
    run("dfm_prepare", pictures, out, *words, ranks=3)
    assert shard_hashes(out) == shard_hashes(tmp_path / "whole")
    assert not list((out / ".dfm_prepare").glob("*part_*"))


def test_pictures_are_cropped_fitted_inside_or_stretched(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.png").write_bytes(png(96, 48, "red"))
    (source / "a.txt").write_text("red")
    sizes = {}
    for words in (["--center-crop"], ["prepare.center_crop=false"], ["--no-aspect-ratio"]):
        run("dfm_prepare", source, tmp_path / words[0], "--height", 64, "--width", 64, *words)
        description = json.loads(members(tmp_path / words[0])["000000.json"])
        sizes[words[0]] = (description["image_width"], description["image_height"])
        assert description["resize_settings"]["target_size"] == [64, 64]
    assert sizes == {"--center-crop": (64, 64), "prepare.center_crop=false": (64, 32), "--no-aspect-ratio": (64, 64)}


def test_an_archive_gives_the_same_samples_as_its_folder(pictures, tmp_path):
    archive = tmp_path / "pictures.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        for path in sorted(pictures.iterdir()):
            out.add(path, path.name)
    run("dfm_prepare", pictures, tmp_path / "a", "--height", 32, "--width", 32)
    run("dfm_prepare", archive, tmp_path / "b", "--height", 32, "--width", 32)
    assert shard_hashes(tmp_path / "a") == shard_hashes(tmp_path / "b")


def test_an_interrupted_run_is_finished_by_the_same_command(pictures, tmp_path):
    words = ["--height", 32, "--width", 32, "--shard-maxcount", 1]
    run("dfm_prepare", pictures, tmp_path / "whole", *words)
    out = tmp_path / "out"
    process = subprocess.Popen(command("dfm_prepare", pictures, out, *words), env=ENVIRONMENT,
                               stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("*.tar"))) < 3:
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=60)
    if code == 75:  # it may have been quicker than the signal
        assert len(list(out.glob("*.tar"))) < 23
        run("dfm_prepare", pictures, out, *words)
    else:
        assert code == 0
    assert shard_hashes(out) == shard_hashes(tmp_path / "whole")
    assert not list(out.glob(".*.partial"))


def test_bad_items_are_left_out_and_named(pictures, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(pictures, source)
    (source / "003.png").write_bytes((source / "003.png").read_bytes()[:60])
    (source / "100.png").write_bytes(png(32, 32, "red"))  # no caption
    done = run("dfm_prepare", source, tmp_path / "out", "--height", 32, "--width", 32, ranks=2, code=7)
    assert "003.png" in done.stderr and "100.png has no caption" in done.stderr
    assert "22 samples" in done.stderr
    listed = (tmp_path / "out/.dfm_prepare/left_out.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in listed] == ["003.png", "100.png"]
    # Running again changes nothing and still says what is missing.
    again = run("dfm_prepare", source, tmp_path / "out", "--height", 32, "--width", 32, code=7)
    assert "100.png has no caption" in again.stderr


def test_a_damaged_caption_costs_its_own_picture_alone(pictures, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(pictures, source)
    for name, text in {"100.txt": b"ros\xe9", "101.json": b"{"}.items():
        (source / name).with_suffix(".png").write_bytes(png(32, 32, "red"))
        (source / name).write_bytes(text)
    done = run("dfm_prepare", source, tmp_path / "out", "--height", 32, "--width", 32, ranks=2, code=7)
    assert "100.txt is not UTF-8" in done.stderr and "101.json is not JSON" in done.stderr
    listed = (tmp_path / "out/.dfm_prepare/left_out.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in listed] == ["100.png", "101.png"]


def change_row(source, name, caption):
    """Gives a picture another caption in the table, or none."""
    rows = (source / "metadata.csv").read_text().splitlines()
    kept = [row for row in rows if not row.startswith(f"{name},")]
    (source / "metadata.csv").write_text("\n".join(kept + ([] if caption is None else [f"{name},{caption}"])) + "\n")


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_second_run_takes_in_what_was_mended_and_writes_nothing_else(pictures, tmp_path, ranks):
    source = tmp_path / "source"
    shutil.copytree(pictures, source)
    words = ["--height", 32, "--width", 32, "--shard-maxcount", 5]
    run("dfm_prepare", source, tmp_path / "whole", *words)
    (source / "003.png").write_bytes(b"damaged")
    change_row(source, "012.png", None)
    out = tmp_path / "out"
    run("dfm_prepare", source, out, *words, ranks=2, code=7)
    untouched = {name: (out / name).stat().st_mtime_ns for name in ("shard_000001.tar", "shard_000003.tar")}
    for name in ("003.png", "metadata.csv"):
        shutil.copy(pictures / name, source / name)
    done = run("dfm_prepare", source, out, *words, ranks=ranks)
    assert f"2 items that had been left out can be used now; run dfm_index {out} again" in done.stderr
    assert shard_hashes(out) == shard_hashes(tmp_path / "whole")
    assert {name: (out / name).stat().st_mtime_ns for name in untouched} == untouched
    assert not (out / ".dfm_prepare/left_out.txt").exists()


def test_a_sample_whose_caption_was_changed_is_named(pictures, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(pictures, source)
    run("dfm_prepare", source, tmp_path / "out")
    change_row(source, "004.png", "another caption")
    before = shard_hashes(tmp_path / "out")
    assert "the caption of 004.png is not the one" in run("dfm_prepare", source, tmp_path / "out", ranks=2, code=2).stderr
    assert shard_hashes(tmp_path / "out") == before


def test_a_list_of_what_was_left_out_goes_with_its_reason(pictures, tmp_path):
    run("dfm_prepare", pictures, tmp_path / "out", "--height", 32, "--width", 32)
    stale = tmp_path / "out/.dfm_prepare/left_out.txt"
    stale.write_text("000.png: of an earlier run\n")
    done = run("dfm_prepare", pictures, tmp_path / "out", "--height", 32, "--width", 32)
    assert "23 samples in 1 shard in" in done.stderr and "1 there already, 0 items left out" in done.stderr
    assert not stale.exists()


def test_bad_items_can_be_fatal(pictures, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(pictures, source)
    (source / "100.png").write_bytes(png(32, 32, "red"))
    done = run("dfm_prepare", source, tmp_path / "out", "prepare.on_bad_input=fail", ranks=2, code=3)
    assert "100.png has no caption" in done.stderr and "hint" in done.stderr
    assert not list((tmp_path / "out").glob("*.tar"))


def test_a_truncated_archive_is_a_data_error(pictures, tmp_path):
    archive = tmp_path / "cut.tar"
    with tarfile.open(archive, "w") as out:
        for path in sorted(pictures.iterdir()):
            out.add(path, path.name)
    archive.write_bytes(archive.read_bytes()[:-9000])
    assert "cut.tar" in run("dfm_prepare", archive, tmp_path / "out", ranks=2, code=3).stderr


@pytest.mark.parametrize("program, ranks", [("dfm_prepare", 2), ("dfm_index", 1)])
def test_a_folder_into_which_another_program_writes_is_refused(pictures, tmp_path, program, ranks):
    out = tmp_path / "out"
    run("dfm_prepare", pictures, out, "--shard-maxcount", 4)
    lock = open(out / ".in_use", "w")
    lock.write(f"{socket.gethostname()}, process 1")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    words = {"dfm_prepare": [pictures, out, "--shard-maxcount", 4], "dfm_index": [out]}[program]
    printed = run(program, *words, ranks=ranks, code=4).stderr
    assert f"{out} is in use by another program ({socket.gethostname()}, process 1)" in printed
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    lock.close()
    run(program, *words, ranks=ranks)
    assert not (out / ".in_use").exists()


def test_shards_of_another_source_are_not_overwritten(pictures, tmp_path):
    out = tmp_path / "out"
    run("dfm_prepare", pictures, out, "--height", 32, "--width", 32)
    before = shard_hashes(out)
    assert "other settings" in run("dfm_prepare", pictures, out, "--height", 48, "--width", 32, code=2).stderr
    assert shard_hashes(out) == before


@pytest.mark.parametrize("words, text", [
    (["--height", 40, "--width", 32], "multiple of 16"),
    (["--height", 32], "only one of"),
    (["--height", 2**32 + 32, "--width", 32], "prepare.height = '4294967328' is not accepted"),
    (["--height", 65536, "--width", 65536], "more pixels than a picture may have"),
    (["--shard-maxcount", 2**63 - 1], "prepare.shard_maxcount = '9223372036854775807' is not accepted"),
    (["--num-frames", 5], "prepare.num_frames = 5 has no effect with prepare.mode = video"),
    (["--resize-mode", "area"], "prepare.resize_mode = area has no effect with prepare.height = null"),
    (["--no-aspect-ratio"], "prepare.no_aspect_ratio = true has no effect with"),
    ([], "prepare.output"),
])
def test_impossible_settings_are_usage_errors(pictures, tmp_path, words, text):
    folders = [pictures, tmp_path / "out"] if words else [pictures]
    assert text in run("dfm_prepare", *folders, *words, code=2).stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words, text", [
    (["--output_format", "automodel"], "webdataset shards"),
    (["--device", "cuda"], "start more ranks"),
    (["--stochastic"], "leave out --stochastic"),
    (["--no-memory-optimization"], "leave out --no-memory-optimization"),
    (["--model", "Wan-AI/Wan2.1-T2V-14B-Diffusers"], "encoders.codec and encoders.text choose"),
])
def test_options_of_the_other_script_that_mean_nothing_here_are_refused(pictures, tmp_path, words, text):
    assert text in run("dfm_prepare", pictures, tmp_path / "out", *words, code=2).stderr
    assert not (tmp_path / "out").exists()


def test_options_of_the_other_script_that_say_what_is_so_are_taken(pictures, tmp_path):
    run("dfm_prepare", "--video_folder", pictures, "--output_dir", tmp_path / "out", "--output_format", "energon", "--device", "cpu")
    assert len(members(tmp_path / "out")) == 3 * 23


def test_a_source_that_is_not_there_is_an_error(tmp_path):
    assert "nowhere" in run("dfm_prepare", tmp_path / "nowhere", tmp_path / "out", ranks=2, code=4).stderr


def write_bomb(path, mebibytes):
    """A tar.gz of one picture that is all zeros: gzip streams may follow each other, so one compressed piece is repeated."""
    piece = 16
    member = tarfile.TarInfo("zeros.png")
    member.size = mebibytes << 20
    with path.open("wb") as out:
        out.write(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT)))
        zeros = gzip.compress(bytes(piece << 20))
        for _ in range(mebibytes // piece):
            out.write(zeros)


# The bound is 1 GiB and 200 times the file; nothing of it is held in memory.
def test_a_bomb_is_refused_in_bounded_memory(tmp_path):
    write_bomb(tmp_path / "bomb.tar.gz", 3072)
    assert (tmp_path / "bomb.tar.gz").stat().st_size < 5 << 20
    measured = subprocess.run(
        [sys.executable, "-S", "-c", "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
         "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(done.returncode)",
         *command("dfm_prepare", tmp_path / "bomb.tar.gz", tmp_path / "out")],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert measured.returncode == 3
    assert "unpacks to more than" in measured.stderr
    assert int(measured.stdout.split()[-1]) < 512  # MiB
