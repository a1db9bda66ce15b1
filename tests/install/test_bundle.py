"""make bundle: the programs on a machine that has LibTorch and a C++ library, but no MPI, HDF5, Boost or FFmpeg."""

import os
import re
import subprocess
import tarfile
import tempfile

import av
import numpy
import pytest

from conftest import ENVIRONMENT, ROOT, TINY_MOCK, run
from installation import BUILD, Installation, mount_namespace, run_whole_chain, the_build_alone, variable, version
from run_files import losses

MOST_BYTES = 50e6
# What every Linux has, and what bash, env and the like ask for.
BASICS = ("ld-linux* libc.so* libm.so* libdl.so* librt.so* libpthread.so* libutil.so* libresolv.so* libmvec.so* libnss_* libstdc++.so* "
          "libgcc_s.so* libtinfo.so* libselinux.so* libpcre2-8.so* libacl.so* libattr.so*")
# Hides the machine's libraries behind a folder with the basic ones, and Open MPI's programs and files; then runs the words.
ELSEWHERE = f"""
set -e
libraries=$1; shift; cd "$(dirname "$(readlink -f /lib/*/libc.so.6)")"; cp -P {BASICS} "$libraries" 2> /dev/null || true
for folder in /etc/openmpi /usr/share/openmpi; do [ ! -d $folder ] || mount -t tmpfs none $folder; done
for program in orterun orted prterun; do [ ! -e /usr/bin/$program ] || mount --bind /dev/null /usr/bin/$program; done
folder=$PWD; cd /; mount --bind "$libraries" "$folder"
exec "$@"
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle, unpacked in a folder with a blank in its name."""
    with the_build_alone():
        subprocess.run(["tools/bundle", os.path.relpath(BUILD, ROOT)], cwd=ROOT, env=ENVIRONMENT, check=True)
    folder = tmp_path_factory.mktemp("a machine")
    with tarfile.open(BUILD / f"dfm-{version()}-x86_64.tar.gz") as archive:
        archive.extractall(folder, filter="tar")
    unpacked = Installation(folder / f"dfm-{version()}-x86_64")
    unpacked.env = {k: v for k, v in unpacked.env.items() if k.startswith("OMP") or k in ("PATH", "HOME")}
    unpacked.env["LIBTORCH"] = variable("LIBTORCH") or str(ROOT / ".deps/libtorch")
    return unpacked


def run_elsewhere(bundle, *words, **more):
    with tempfile.TemporaryDirectory() as libraries:
        return bundle.run(*mount_namespace(), "bash", "-c", ELSEWHERE, "-", libraries, *words, **more)


def test_it_is_small(bundle):
    assert 0 < (BUILD / f"dfm-{version()}-x86_64.tar.gz").stat().st_size < MOST_BYTES


def test_libraries_of_the_machine_are_hidden_from_these_tests(bundle):
    done = run_elsewhere(bundle, BUILD / "bin/dfm_index", "--version", code=127)
    assert "cannot open shared object file" in done.stderr


def test_the_whole_chain_runs_elsewhere(bundle, pictures, tmp_path):
    run_whole_chain(lambda *words: run_elsewhere(bundle, "env", "-C", tmp_path, *words), pictures, tmp_path)


def make_video(path, codec, pixels):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for i in range(5):
            picture = numpy.full((48, 64, 3), 40 * i, dtype=numpy.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("name, codec, pixels", [("a.mp4", "libsvtav1", "yuv420p"), ("a.mp4", "libsvtav1", "yuv420p10le"),
                                                 ("a.webm", "libvpx-vp9", "yuv420p"), ("a.webm", "libvpx", "yuv420p"),
                                                 ("a.mp4", "libx265", "yuv420p"), ("a.mp4", "libx264", "yuv420p")])
def test_videos_are_read_elsewhere_though_their_encoders_are_left_out(bundle, tmp_path, name, codec, pixels):
    (tmp_path / "videos").mkdir()
    make_video(tmp_path / "videos" / name, codec, pixels)
    (tmp_path / "videos/a.txt").write_text("grey")
    run("dfm_prepare", tmp_path / "videos", tmp_path / "here")
    run_elsewhere(bundle, "dfm_prepare", tmp_path / "videos", tmp_path / "there")
    here, there = (tmp_path / place / "shard_000000.tar" for place in ("here", "there"))
    assert here.read_bytes() == there.read_bytes()


def test_ranks_start_and_give_the_losses_of_one(bundle, tmp_path):
    train = ["dfm_train", *TINY_MOCK, "train.train_iters=3", "checkpoint.save_interval=0"]
    run_elsewhere(bundle, *train, f"checkpoint.save={tmp_path / 'one'}")
    run_elsewhere(bundle, "mpirun", "--oversubscribe", "-n", 2, *train, f"checkpoint.save={tmp_path / 'two'}")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-5)


def test_without_libtorch_it_says_what_to_set(bundle, tmp_path):
    printed = run_elsewhere(bundle, "dfm_train", "--version", env={"LIBTORCH": str(tmp_path)}, code=2).stderr
    assert "LibTorch is not in" in printed and re.search("set LIBTORCH to a folder", printed)
    assert run_elsewhere(bundle, "dfm_index", "--version", env={"LIBTORCH": str(tmp_path)}).stdout
