"""dfm_prepare --synthetic: a data set out of nothing."""

import pytest

from conftest import run
from test_prepare_videos import latents, shard_hashes


@pytest.mark.parametrize("frames, latent_frames", [(1, 1), (9, 3), (10, 3)])
def test_samples_have_the_size_asked_for_and_differ(frames, latent_frames, tmp_path):
    run("dfm_prepare", "--synthetic", 6, "--output-dir", tmp_path, "--height", 32, "--width", 48,
        "--num-frames", frames)
    made = list(latents(tmp_path).values())
    assert [list(x.shape) for x in made] == 6 * [[16, latent_frames, 4, 6]]
    assert all(not a.equal(b) for i, a in enumerate(made) for b in made[:i])


def test_the_bytes_do_not_depend_on_the_number_of_ranks(tmp_path):
    made = []
    for ranks in (1, 2, 3):
        run("dfm_prepare", "--synthetic", 7, "--output-dir", tmp_path / str(ranks), "--height", 16, "--width", 16,
            "--shard-maxcount", 2, ranks=ranks)
        made.append(shard_hashes(tmp_path / str(ranks)))
    assert len(made[0]) == 4
    assert made[0] == made[1] == made[2]


def test_a_size_is_needed(tmp_path):
    done = run("dfm_prepare", "--synthetic", 7, "--output-dir", tmp_path / "out", code=2)
    assert "--height and --width" in done.stderr


def test_more_than_memory_lists_is_refused(tmp_path):
    words = ["--output-dir", tmp_path / "out", "--height", 32, "--width", 32]
    assert "at most 10000000" in run("dfm_prepare", "--synthetic", 10**14, *words, code=2).stderr


def test_a_source_beside_it_is_refused(pictures, tmp_path):
    done = run("dfm_prepare", pictures, tmp_path / "out", "--synthetic", 7, "--height", 16, "--width", 16, code=2)
    assert str(pictures) in done.stderr and not (tmp_path / "out").exists()
