"""make bench: writing shards, dfm's writer against webdataset's ShardWriter and against cp of what was written.

All three write the same members and take turns in one run (A B C A B C ...). dfm's shards are durable; `+ fsync` is the
time of the others with an fsync of each file behind it. Ratios are taken round by round; their median is printed.

usage: shard_bench.py BIN [--rounds N] [--folder PATH]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# name: shards, samples in each, bytes of the members of a sample
SETS = {"tiny": (40, 5000, (200, 200, 200)), "large": (16, 64, (4_193_280, 1_851_392, 200))}

WEBDATASET = """
import os, sys, time
import webdataset
folder, shards, samples, sizes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), list(map(int, sys.argv[4:]))
members = {f"part{i}": os.urandom(size) for i, size in enumerate(sizes)}
begun = time.perf_counter()
with webdataset.ShardWriter(folder + "/shard-%06d.tar", maxcount=samples, maxsize=1e18, verbose=0) as out:
    for i in range(shards * samples):
        out.write({"__key__": f"{i:09d}", **members})
print(time.perf_counter() - begun)
"""


def fsync_all(folder):
    begun = time.perf_counter()
    for path in sorted(folder.iterdir()):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - begun


def timed(words):
    return float(subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout.split()[-1])


def copied(source, folder):
    begun = time.perf_counter()
    subprocess.run(["cp", "-r", f"{source}/.", folder], check=True)
    return time.perf_counter() - begun


def one_round(tools, folder, numbers):
    """Seconds: dfm, webdataset, webdataset + fsync, cp, cp + fsync."""
    ours, theirs, copy = (folder / name for name in ("dfm", "webdataset", "cp"))
    for each in (ours, theirs, copy):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir()
    os.sync()
    times = [timed([tools / "shard_bench", ours, *numbers])]
    os.sync()
    times.append(timed([sys.executable, "-c", WEBDATASET, theirs, *numbers]))
    times.append(times[-1] + fsync_all(theirs))
    os.sync()
    times.append(copied(ours, copy))
    times.append(times[-1] + fsync_all(copy))
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where to work: the disk that is measured")
    options = parser.parse_args()
    print("\n| shards | dfm, durable (s) | webdataset (s) | + fsync | cp (s) | + fsync | webdataset / dfm | dfm / cp with fsync |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (shards, samples, sizes) in SETS.items():
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            rounds = [one_round(options.bin, Path(folder), (shards, samples, *sizes)) for _ in range(options.rounds)]
        medians = " | ".join(f"{statistics.median(times):.2f}" for times in zip(*rounds))
        faster = statistics.median(times[1] / times[0] for times in rounds)
        over_copy = statistics.median(times[0] / times[4] for times in rounds)
        print(f"| {name} | {medians} | {faster:.1f} | {over_copy:.2f} |", flush=True)


if __name__ == "__main__":
    main()
