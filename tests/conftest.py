"""What the Python tests share: where the programs are, how they are started, small data to feed them."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("DFM_BIN_DIR", ROOT / "build" / "bin"))

# The one place for what Open MPI needs as root and with more ranks than cores.
ENVIRONMENT = {
    **os.environ,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMP_NUM_THREADS": "1",
}
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
TIMEOUT_SECONDS = 300


def command(program, *words, ranks=1):
    """The words that start a program; mpirun only where there are several ranks."""
    start = [] if ranks == 1 else [*MPIRUN, "-n", str(ranks)]
    return [*start, str(BIN / program), *map(str, words)]


def run(program, *words, ranks=1, code=0, env=None, cwd=None):
    """Runs a program to its end and checks its exit code; returns what it printed (stdout, stderr)."""
    done = subprocess.run(command(program, *words, ranks=ranks), env={**ENVIRONMENT, **(env or {})}, cwd=cwd,
                          capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == code, f"code {done.returncode} instead of {code}\n{done.stdout}\n{done.stderr}"
    return done


def mpi_files_in(folder):
    """Where Open MPI puts files of its own: a launcher that is killed leaves 8 MB, otherwise in /tmp and /dev/shm."""
    return {"OMPI_MCA_orte_tmpdir_base": str(folder), "OMPI_MCA_btl_vader_backing_directory": str(folder)}


class Started(subprocess.Popen):
    """A program that runs beside the test. What it prints goes to a file: a pipe that nobody reads gets full, and holds the ranks.

    It has a session of its own, so that mpirun and all ranks can be killed at one moment.
    """

    def __init__(self, words, env=None):
        self.output = tempfile.TemporaryFile()
        self.mpi_files = tempfile.TemporaryDirectory(prefix="dfm-mpi-", ignore_cleanup_errors=True)  # goes with this object
        environment = {**ENVIRONMENT, **mpi_files_in(self.mpi_files.name), **(env or {})}
        super().__init__(list(map(str, words)), env=environment, stderr=self.output, start_new_session=True)

    def printed(self):
        """So far. Not by way of the file's position, which is the program's."""
        return os.pread(self.output.fileno(), os.fstat(self.output.fileno()).st_size, 0).decode(errors="replace")

    def ended(self, code, timeout=TIMEOUT_SECONDS):
        """Waits for its end and checks the exit code; returns what it printed."""
        self.wait(timeout)
        assert self.returncode == code, f"code {self.returncode} instead of {code}\n{self.printed()}"
        return self.printed()

    def wait_until(self, condition):
        """Until a condition holds or the program has ended."""
        while self.poll() is None and not condition():
            time.sleep(0.005)

    def wait_for_steps(self, folder, count):
        metrics = folder / "metrics.jsonl"
        self.wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") >= count)

    def wait_for_text(self, pattern):
        self.wait_until(lambda: re.search(pattern, self.printed()))


def start(program, *words, ranks=1, env=None):
    return Started(command(program, *words, ranks=ranks), env)


def png(width, height, colour):
    """A picture with a diagonal, so that it is not one flat colour."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).line((0, 0, width, height), fill=(255, 255, 255), width=3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


COLOURS = ["red", "green", "blue", "black", "gray"]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 23 small pictures with a caption table."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = ["file_name,text"]
    for i in range(23):
        colour = COLOURS[i % len(COLOURS)]
        (folder / f"{i:03}.png").write_bytes(png(40 + i % 3 * 8, 32, colour))
        rows.append(f"{i:03}.png,a {colour} picture")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def shards(pictures, tmp_path_factory):
    """The pictures as an indexed data set of six shards (four of them for training)."""
    folder = tmp_path_factory.mktemp("data") / "shards"
    run("dfm_prepare", pictures, folder, "--height", 32, "--width", 32, "--shard-maxcount", 4)
    run("dfm_index", folder, "--split-ratio", "4,2,0")
    return folder


@pytest.fixture(scope="session")
def slurm():
    """A private Slurm of nine nodes; in /tmp, since names of sockets must be short."""
    from private_slurm import PrivateSlurm, why_not

    if why_not():
        pytest.skip(f"no private Slurm: {why_not()}")
    with tempfile.TemporaryDirectory(prefix="dfm-slurm-", dir="/tmp", ignore_cleanup_errors=True) as folder, \
            PrivateSlurm(folder, nodes=9) as running:
        yield running


# A model small enough for many runs.
TINY = ["model.num_layers=2", "model.hidden_size=64", "model.num_attention_heads=4", "model.adaln_rank=16",
        "model.max_img_h=16", "model.max_img_w=16", "model.max_frames=4", "train.precision=fp32",
        "train.global_batch_size=6", "scheduler.lr_warmup_iters=2", "optimizer.lr=1e-3", "logger.log_interval=1",
        "train.eval_interval=0"]
TINY_MOCK = [*TINY, "--mock", "dataset.F_latents=2", "dataset.H_latents=4", "dataset.W_latents=6", "dataset.context_seq_len=5"]


@pytest.fixture(scope="session")
def trained(shards, tmp_path_factory):
    """A short training run: its folder with two checkpoints."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={folder}", "train.train_iters=4",
        "checkpoint.save_interval=2", "train.ema_decay=0.9")
    return folder


@pytest.fixture(scope="session")
def weights(trained, tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    run("dfm_consolidate", trained, file)
    return file


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The result of make install, moved."""
    from installation import make_install

    installation = make_install(tmp_path_factory.mktemp("installed"))
    yield installation
    shutil.rmtree(installation.prefix)  # half a gigabyte


def rewrite_tar(path, change):
    """Rewrites a tar: change(name, content) returns the new content."""
    with tarfile.open(path) as archive:
        members = [(m, archive.extractfile(m).read()) for m in archive.getmembers()]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for member, content in members:
            content = change(member.name, content)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
