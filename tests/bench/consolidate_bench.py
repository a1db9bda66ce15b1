"""make bench: merging the shards of ranks into model.pth, dfm_consolidate against the Python of the users' document.

Both read the same shards and write the same tensors, and take turns (A B A B ...). Three times are compared:
  command   the whole command from start to end, as a user waits for it (in Python with the import of torch)
  merge     loading and saving alone, without start-up; dfm's file is durable then, Python's is not
  durable   the same with an fsync behind Python's torch.save
Ratios are taken pair by pair; their median is printed with its range. Peak memory is that of the whole process.

usage: consolidate_bench.py BIN [--mib N] [--shards N] [--rounds N] [--ranks N] [--max-memory SIZE] [--folder PATH]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MERGE = """
import json, os, sys, time
import torch
folder, shards, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
begun = time.perf_counter()
checkpoint = {}
for i in range(shards):
    shard = torch.load(f"{folder}/model_rank_{i}.pt")
    checkpoint.update(shard)
torch.save(checkpoint, output)
saved = time.perf_counter()
print(json.dumps({"merge": saved - begun}))
"""

MAKE = """
import sys, torch
folder, shards, elements = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for i in range(shards):
    tensors = {f"decoder.layers.{i}.{name}.weight": torch.randn(elements // 16) for name in "abcdefghijklmnop"}
    torch.save(tensors, f"{folder}/model_rank_{i}.pt")
"""

# A child's peak begins with its parent's memory, so the parent is an interpreter that has loaded nothing.
LAUNCH = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "code": done.returncode, "out": done.stdout, "err": done.stderr}))
"""


def launch(*words):
    env = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCH, *map(str, words)], env=env, check=True, capture_output=True)
    result = json.loads(done.stdout)
    assert result["code"] == 0, result["err"]
    return result


def fsync(path):
    begun = time.perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return time.perf_counter() - begun


def run_python(shards, options, output):
    result = launch(sys.executable, "-c", MERGE, shards, options.shards, output)
    merge = json.loads(result["out"].splitlines()[-1])["merge"]
    return {"command": result["seconds"], "merge": merge, "durable": merge + fsync(output), "peak": result["peak"]}


def run_dfm(shards, options, output):
    start = [] if options.ranks == 1 else ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", options.ranks]
    result = launch(*start, options.bin / "dfm_consolidate", shards, output, "--max-memory", options.max_memory)
    rate = re.search(r"\(([0-9.]+) (MiB|GiB)/s\)", result["err"])
    seconds = options.mib / (float(rate[1]) * (1024 if rate[2] == "GiB" else 1))
    return {"command": result["seconds"], "merge": seconds, "durable": seconds, "peak": result["peak"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--max-memory", default="100MiB")
    parser.add_argument("--folder", default=None, help="where to work: the disk that is measured")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-c", MAKE, folder, str(options.shards),
                        str(options.mib * (1 << 18) // options.shards)], check=True)
        output = folder / "model.pth"
        pairs = []
        for _ in range(options.rounds):
            pair = []
            for run in (run_dfm, run_python):
                output.unlink(missing_ok=True)
                os.sync()
                pair.append(run(folder, options, output))
            pairs.append(pair)

    print(f"\n{options.mib} MiB in {options.shards} shards to model.pth; dfm_consolidate on {options.ranks} rank(s) with "
          f"--max-memory {options.max_memory}; {options.rounds} rounds\n")
    print("| what | dfm (s) | Python (s) | Python / dfm |\n|---|---|---|---|")
    for what in ("command", "merge", "durable"):
        ratios = [theirs[what] / ours[what] for ours, theirs in pairs]
        ours, theirs = (statistics.median(pair[i][what] for pair in pairs) for i in (0, 1))
        print(f"| {what} | {ours:.2f} | {theirs:.2f} | {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f}) |")
    ours, theirs = (max(pair[i]["peak"] for pair in pairs) for i in (0, 1))
    print(f"\npeak memory of a process: dfm {ours:.0f} MiB, Python {theirs:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
