"""make bench: how long a run needs from its launch to the end of its next step, beside reading its checkpoint's bytes.

Each round drops the page cache of the checkpoint, reads the same bytes plainly (all ranks at once), drops it again and
starts the run; the steps' own time and the phases are printed as well.
usage: recovery.py BIN [--recipe R] [--ranks N] [--rounds N] [--folder PLACE]
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import ENVIRONMENT, MPIRUN  # noqa: E402

CHUNK = 16 << 20


def words(options, folder, steps):
    return [options.bin.resolve() / "dfm_train", "--recipe", options.recipe, "--mock", "dataset.H_latents=4",
            "dataset.W_latents=4", "dataset.F_latents=1", "dataset.context_seq_len=8", "dataset.mock_samples=16",
            f"train.global_batch_size={options.ranks}", "train.eval_interval=0", "train.train_iters=1000",
            "train.precision=fp32", "logger.log_interval=1", "checkpoint.save_interval=0", f"checkpoint.save={folder}",
            f"train.stop_after_steps={steps}"]


def launch(options, folder, steps):
    """Seconds from the launch to each line that tells of a phase; the process is ended at its first step's end."""
    command = [*MPIRUN, "-n", str(options.ranks), *words(options, folder, steps)]
    begun = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    phases = {}
    for line in process.stderr:
        for name, pattern in (("up", "parameters;"), ("loaded", "resuming from"), ("stepped", r"iteration +\d+/")):
            if re.search(pattern, line):
                phases.setdefault(name, time.perf_counter() - begun)
        milliseconds = re.search(r"per iteration \(ms\): ([\d.]+)", line)
        if milliseconds and "step" not in phases:
            phases["step"] = float(milliseconds[1]) / 1000
    process.wait()
    assert process.returncode == 75, f"dfm_train ended with code {process.returncode}"
    return phases


def newest_files(folder):
    newest = max(folder.glob("iter_*"))
    return [path for path in newest.iterdir() if path.suffix == ".h5"]


def drop_caches(files):
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def read_plainly(path):
    buffer = memoryview(bytearray(CHUNK))
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def plain_read_seconds(files):
    drop_caches(files)
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(read_plainly, files))
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--recipe", default="dit_b")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="on the disk that is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        launch(options, folder, 1)
        files = newest_files(folder)
        bytes_saved = sum(path.stat().st_size for path in files)
        print(f"\nRecovery of {options.recipe}, {bytes_saved / 2**20:,.0f} MiB on {options.ranks} ranks, cold cache\n")
        print("| plain read s | launch to ready s | load s | first step s | launch to end of step s | against plain read | "
              "against load |\n|---:|---:|---:|---:|---:|---:|---:|")
        ratios = []
        for _ in range(options.rounds):
            files = newest_files(folder)
            plain = plain_read_seconds(files)
            drop_caches(files)
            phases = launch(options, folder, 1)
            load, total = phases["loaded"] - phases["up"], phases["stepped"]
            ratios.append((total / plain, total / load))
            print(f"| {plain:.2f} | {phases['up']:.2f} | {load:.2f} | {total - phases['loaded']:.2f} | {total:.2f} | "
                  f"{total / plain:.2f} | {total / load:.2f} |", flush=True)
        print(f"\nmedian: {statistics.median(ratio for ratio, _ in ratios):.2f} of a plain read, "
              f"{statistics.median(ratio for _, ratio in ratios):.2f} of its own load")


if __name__ == "__main__":
    main()
