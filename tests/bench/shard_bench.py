"""make bench: writing shards, dfm's writer against webdataset's ShardWriter and against cp of what was written.

All three write the same members and take turns in one run (A B C A B C ...). dfm's shards are durable; `+ fsync` is the
time of the others with an fsync of each file behind it. Ratios are taken round by round; their median is printed.

Processor time stands beside: for a machine that others use, too. What the kernel writes later is in none of them.

usage: shard_bench.py BIN [--rounds N] [--folder PATH] [--only tiny|large] [--shards N]
"""

import argparse
import os
import resource
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
begun, used = time.perf_counter(), time.process_time()
with webdataset.ShardWriter(folder + "/shard-%06d.tar", maxcount=samples, maxsize=1e18, verbose=0) as out:
    for i in range(shards * samples):
        out.write({"__key__": f"{i:09d}", **members})
print(time.perf_counter() - begun, time.process_time() - used)
"""


def fsync_all(folder):
    begun = time.perf_counter()
    for path in sorted(folder.iterdir()):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - begun


def timed(words):
    """Seconds by the clock and of the processor, as the program itself counts them."""
    return tuple(map(float, subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout.split()[-2:]))


def copied(source, folder):
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["cp", "-r", f"{source}/.", folder], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_round(tools, folder, numbers):
    """Seconds by the clock: dfm, webdataset, webdataset + fsync, cp, cp + fsync. Of the processor: dfm, webdataset, cp."""
    ours, theirs, copy = (folder / name for name in ("dfm", "webdataset", "cp"))
    for each in (ours, theirs, copy):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir()
    os.sync()
    dfm, dfm_used = timed([tools / "shard_bench", ours, *numbers])
    os.sync()
    peer, peer_used = timed([sys.executable, "-c", WEBDATASET, theirs, *numbers])
    peer_durable = peer + fsync_all(theirs)
    os.sync()
    cp, cp_used = copied(ours, copy)
    return (dfm, peer, peer_durable, cp, cp + fsync_all(copy)), (dfm_used, peer_used, cp_used)


def median_ratio(pairs):
    return f"{statistics.median(a / b for a, b in pairs):.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where to work: the disk that is measured")
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--shards", type=int, help="fewer than a set has")
    options = parser.parse_args()
    print("\n| shards | dfm, durable (s) | webdataset (s) | + fsync | cp (s) | + fsync | webdataset / dfm | with fsync | dfm / cp with fsync | "
          "processor: dfm, webdataset, cp (s) | webdataset / dfm | dfm / cp |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, (shards, samples, sizes) in SETS.items():
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            rounds = [one_round(options.bin, Path(folder), (options.shards or shards, samples, *sizes)) for _ in range(options.rounds)]
        clock, used = zip(*rounds)
        medians = [" | ".join(f"{statistics.median(times):.2f}" for times in zip(*clock)), ", ".join(f"{statistics.median(times):.2f}" for times in zip(*used))]
        print(f"| {name} | {medians[0]} | {median_ratio((t[1], t[0]) for t in clock)} | {median_ratio((t[2], t[0]) for t in clock)} | "
              f"{median_ratio((t[0], t[4]) for t in clock)} | {medians[1]} | {median_ratio((u[1], u[0]) for u in used)} | "
              f"{median_ratio((u[0], u[2]) for u in used)} |", flush=True)


if __name__ == "__main__":
    main()
