"""dfm_prepare: videos with captions to shards."""

import hashlib
import io
import json
import tarfile

import pytest

from conftest import png, run
from quicktime import TURNED, quicktime

WIDTH, HEIGHT = 48, 32


def frame(number):
    return png(WIDTH, HEIGHT, (20 * number, 10, 200 - 15 * number))


def video(count, **options):
    return quicktime([frame(i) for i in range(count)], WIDTH, HEIGHT, **options)


def turned_right(picture):
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).transpose(Image.Transpose.ROTATE_270).save(buffer, "PNG")
    return buffer.getvalue()


def folder_of(path, files):
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
        (path / name).with_suffix(".txt").write_text(f"caption of {name}")
    return path


def members(folder):
    found = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as archive:
            found |= {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    return found


def latents(folder):
    import torch

    return {name.removesuffix(".pth"): torch.load(io.BytesIO(content), weights_only=True)
            for name, content in members(folder).items() if name.endswith(".pth")}


def shard_hashes(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.tar"))}


@pytest.mark.parametrize("count", [1, 4, 5, 11])
def test_a_video_is_one_latent_of_its_first_frames(count, tmp_path):
    source = folder_of(tmp_path / "in", {"clip.mov": video(count)})
    run("dfm_prepare", source, tmp_path / "out")
    made = latents(tmp_path / "out")
    kept = (count - 1) // 4 * 4 + 1
    assert {key: list(x.shape) for key, x in made.items()} == {
        "000000": [16, 1 + (kept - 1) // 4, HEIGHT // 8, WIDTH // 8]}
    description = json.loads(members(tmp_path / "out")["000000.json"])
    assert description["caption"] == "caption of clip.mov"
    assert (description["processed_frames"], description["total_frames_in_video"]) == (kept, count)


def test_frames_of_a_video_are_the_pictures_it_was_made_of(tmp_path):
    source = folder_of(tmp_path / "in", {"clip.mov": video(11)})
    run("dfm_prepare", source, tmp_path / "out", "--mode", "frames", "--num-frames", 4)
    pictures = folder_of(tmp_path / "pictures", {f"{i}.png": frame(n) for i, n in enumerate([0, 3, 6, 10])})
    run("dfm_prepare", pictures, tmp_path / "expected")
    made, expected = latents(tmp_path / "out"), latents(tmp_path / "expected")
    assert sorted(made) == [f"000000_{i:02}" for i in range(1, 5)]
    for found, wanted in zip(sorted(made), sorted(expected), strict=True):
        assert made[found].equal(expected[wanted])


def test_a_video_held_upright_is_turned(tmp_path):
    source = folder_of(tmp_path / "in", {"clip.mov": video(3, matrix=TURNED)})
    run("dfm_prepare", source, tmp_path / "out", "--mode", "frames", "--num-frames", 1)
    pictures = folder_of(tmp_path / "pictures", {"0.png": turned_right(frame(0))})
    run("dfm_prepare", pictures, tmp_path / "expected")
    made = latents(tmp_path / "out")["000000_01"]
    assert list(made.shape) == [16, 1, WIDTH // 8, HEIGHT // 8]
    assert made.equal(latents(tmp_path / "expected")["000000"])


def test_a_broken_video_is_left_out_and_named(tmp_path):
    whole = video(5)
    source = folder_of(tmp_path / "in", {"a.mov": whole, "b.mov": whole[:len(whole) // 2], "c.mov": whole})
    done = run("dfm_prepare", source, tmp_path / "out", ranks=2, code=7)
    assert "b.mov" in done.stderr and "2 samples" in done.stderr
    assert sorted(latents(tmp_path / "out")) == ["000000", "000002"]


@pytest.mark.parametrize("mode", ["video", "frames"])
def test_the_bytes_do_not_depend_on_the_number_of_ranks_or_the_archive(mode, tmp_path):
    source = folder_of(tmp_path / "in", {f"{i}.mov": video(i + 1) for i in range(7)} | {"8.png": frame(8)})
    archive = tmp_path / "in.tar"
    with tarfile.open(archive, "w") as out:
        for path in sorted(source.iterdir()):
            out.add(path, path.name)
    made = []
    for number, (place, ranks) in enumerate([(source, 1), (source, 2), (source, 3), (archive, 2)]):
        folder = tmp_path / str(number)
        frames = ["--num-frames", 3] if mode == "frames" else []
        run("dfm_prepare", place, folder, "--mode", mode, *frames, "--shard-maxcount", 2, ranks=ranks)
        made.append(shard_hashes(folder))
    assert len(made[0]) == 4
    assert all(hashes == made[0] for hashes in made)
