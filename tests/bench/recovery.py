"""make bench: how long a run needs from its launch to its next step, beside loading the same bytes plainly.

Each round drops the page cache of the checkpoint, reads its files (all at once, a thread a file) into memory that no one
has touched, as loading must, drops the cache again and starts the run. Reading into one small buffer again and again, which
is what a disk gives at best, is shown beside it. The time to the first step's begin is what recovery costs; the first step
itself is shown with a steady one beside it, since it is work that is not lost.
With --by srun the ranks are started by srun, inside an allocation of a private Slurm with a virtual node for each.
usage: recovery.py BIN [--by mpirun|srun] [--recipe R] [--ranks N] [--rounds N] [--folder PLACE] [--words WORD ...]
"""

import argparse
import contextlib
import mmap
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "slurm")]

import page_cache  # noqa: E402
from conftest import ENVIRONMENT, MPIRUN  # noqa: E402
from private_slurm import PrivateSlurm, why_not  # noqa: E402

CHUNK = 16 << 20


@contextlib.contextmanager
def launcher(options):
    """The words that start the ranks, and their environment."""
    if options.by == "mpirun":
        yield [*MPIRUN, "-n", options.ranks], ENVIRONMENT
        return
    with tempfile.TemporaryDirectory(prefix="dfm-slurm-", dir="/tmp", ignore_cleanup_errors=True) as place, \
            PrivateSlurm(place, nodes=options.ranks) as slurm:
        allocated = slurm.run("salloc", "--no-shell", f"--nodes={options.ranks}", "--ntasks-per-node=1").stderr
        job = re.search(r"allocation (\d+)", allocated)[1]
        yield (["srun", f"--jobid={job}", "--mpi=pmix", f"--ntasks={options.ranks}"],
               {**ENVIRONMENT, **slurm.environment, "OMPI_MCA_mpi_yield_when_idle": "1"})


def words(options, folder, steps):
    return [options.bin.resolve() / "dfm_train", "--recipe", options.recipe, "--mock", "dataset.H_latents=4",
            "dataset.W_latents=4", "dataset.F_latents=1", "dataset.context_seq_len=8", "dataset.mock_samples=16",
            f"train.global_batch_size={options.ranks}", "train.eval_interval=0", "train.train_iters=1000",
            "train.precision=fp32", "logger.log_interval=1", "checkpoint.save_interval=0", f"checkpoint.save={folder}",
            f"train.stop_after_steps={steps}", *options.words]


def launch(launcher, words):
    """Seconds from the launch to each line that tells of a phase, and the time of each step."""
    start, environment = launcher
    begun = time.perf_counter()
    process = subprocess.Popen(list(map(str, [*start, *words])), env=environment, stderr=subprocess.PIPE, text=True)
    phases = {"steps": []}
    for line in process.stderr:
        for name, pattern in (("up", "parameters;"), ("loaded", "resuming from"), ("stepped", r"iteration +\d+/")):
            if re.search(pattern, line):
                phases.setdefault(name, time.perf_counter() - begun)
        milliseconds = re.search(r"per iteration \(ms\): ([\d.]+)", line)
        if milliseconds:
            phases["steps"].append(float(milliseconds[1]) / 1000)
    process.wait()
    assert process.returncode == 75, f"dfm_train ended with code {process.returncode}"
    return phases


def newest_files(folder):
    newest = max(folder.glob("iter_*"))
    return [path for path in newest.iterdir() if path.suffix == ".h5"]


def read_into_one_buffer(path):
    buffer = memoryview(bytearray(CHUNK))
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def read_into_fresh_memory(path):
    size, at = path.stat().st_size, 0
    with mmap.mmap(-1, size) as memory, open(path, "rb", buffering=0) as file, memoryview(memory) as view:
        while count := file.readinto(view[at:at + CHUNK]):
            at += count


def plain_read_seconds(files, read):
    page_cache.forget(files)
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(read, files))
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--by", choices=["mpirun", "srun"], default="mpirun")
    parser.add_argument("--recipe", default="dit_b")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="on the disk that is measured")
    parser.add_argument("--words", nargs="*", default=[], help="more for dfm_train, as for a wider model")
    options = parser.parse_args()
    if options.by == "srun" and why_not():
        print(f"\nRecovery by srun: no private Slurm: {why_not()}")
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as place, launcher(options) as start:
        folder = Path(place)
        steady = statistics.median(launch(start, words(options, folder, 4))["steps"][1:])
        files = newest_files(folder)
        bytes_saved = sum(path.stat().st_size for path in files)
        print(f"\nRecovery of {options.recipe}, {bytes_saved / 2**20:,.0f} MiB on {options.ranks} ranks by {options.by}, cold cache; "
              f"a steady step takes {steady:.2f} s\n")
        print("| plain read: one buffer s | fresh memory s | launch to ready s | to loaded s | first step s | to its end s | "
              "step begins after | step ends after |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
        ratios = []
        for _ in range(options.rounds):
            files = newest_files(folder)
            one_buffer, fresh = (plain_read_seconds(files, read) for read in (read_into_one_buffer, read_into_fresh_memory))
            page_cache.forget(files)
            phases = launch(start, words(options, folder, 1))
            begins, ends = phases["loaded"], phases["stepped"]
            ratios.append((begins / fresh, ends / fresh))
            print(f"| {one_buffer:.2f} | {fresh:.2f} | {phases['up']:.2f} | {begins:.2f} | {ends - begins:.2f} | {ends:.2f} | "
                  f"{begins / fresh:.2f}x | {ends / fresh:.2f}x |", flush=True)
        print(f"\nmedian, of a plain read into fresh memory: the step begins after "
              f"{statistics.median(begin for begin, _ in ratios):.2f}x, ends after "
              f"{statistics.median(end for _, end in ratios):.2f}x")


if __name__ == "__main__":
    main()
