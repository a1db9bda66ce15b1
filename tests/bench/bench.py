"""make bench: step time and peak memory of DiT-S against eager PyTorch, and start-up times, as tables.

The two programs take turns (A B A B ...) on the same machine with the same threads; ratios are taken pair by pair, and
their median is printed with its range. usage: bench.py BIN [--rounds N] [--steps N] [--only CASE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARM_UP_STEPS = 1
CASES = [(tokens, precision) for tokens in (1024, 4096) for precision in ("fp32", "bf16")]


def environment(threads):
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def run_torch(tokens, precision, steps, threads):
    command = [sys.executable, HERE / "torch_train.py", "--frames", tokens // 1024, "--precision", precision, "--steps",
               steps, "--threads", threads]
    done = subprocess.run(list(map(str, command)), env=environment(threads), check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return statistics.median(result["seconds"][WARM_UP_STEPS:]), result["peak_mib"]


def run_dfm(bin_folder, tokens, precision, steps, threads):
    """dfm_train on one mock sample of the same tokens and text; every step is in its metrics file."""
    with tempfile.TemporaryDirectory() as folder:
        command = [bin_folder / "dfm_train", "--recipe", "dit_s", "--mock", f"dataset.F_latents={tokens // 1024}",
                   "dataset.H_latents=64", "dataset.W_latents=64", "dataset.mock_samples=1",
                   "dataset.context_seq_len=512", "train.global_batch_size=1", f"train.train_iters={steps}",
                   "train.eval_interval=0", f"train.precision={'fp32' if precision == 'fp32' else 'bf16_mixed'}",
                   "checkpoint.save_interval=0", f"checkpoint.save={folder}", "scheduler.lr_warmup_iters=0"]
        process = subprocess.Popen(list(map(str, command)), env=environment(threads), stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"dfm_train ended with status {status}"
        lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(line["step_seconds"] for line in lines[WARM_UP_STEPS:]), usage.ru_maxrss / 1024


def compare(bin_folder, tokens, precision, options):
    pairs = []
    for _ in range(options.rounds):
        ours = run_dfm(bin_folder, tokens, precision, options.steps, options.threads)
        theirs = run_torch(tokens, precision, options.steps, options.threads)
        pairs.append((ours, theirs))
    ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
    median = lambda which, what: statistics.median(pair[which][what] for pair in pairs)
    print(f"| {tokens:,} | {precision} | {median(0, 0):.3f} | {median(1, 0):.3f} | {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f}) | {median(0, 1):,.0f} | {median(1, 1):,.0f} | "
          f"{median(0, 1) / median(1, 1):.2f} |", flush=True)


def start_up(bin_folder, words, repeats=9):
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        subprocess.run([bin_folder / words[0], *words[1:]], check=True, capture_output=True)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def first_step(bin_folder, threads, repeats=5):
    """From the start of the process to the end of its first step, for the demo's model."""
    seconds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            words = ["--recipe", "digits", "--mock", "dataset.H_latents=4", "dataset.W_latents=4",
                     "dataset.context_seq_len=3", "train.train_iters=1", "train.eval_interval=0",
                     "train.global_batch_size=8", f"checkpoint.save={folder}", "logger.log_interval=1"]
            begun = time.perf_counter()
            process = subprocess.Popen([bin_folder / "dfm_train", *words], env=environment(threads),
                                       stderr=subprocess.PIPE, text=True)
            for line in process.stderr:
                if "iteration        1/" in line:
                    seconds.append(time.perf_counter() - begun)
            process.wait()
    return statistics.median(seconds)


def watched_step(bin_folder, watched):
    """The median step of a small model on two ranks, which is where messages beside it would show."""
    limits = [] if watched else [f"watchdog.{name}_limit_seconds=0" for name in ("step", "startup", "save", "staging")]
    with tempfile.TemporaryDirectory() as folder:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", 2, bin_folder / "dfm_train", "--recipe", "digits",
                   "--mock", "dataset.H_latents=4", "dataset.W_latents=4", "dataset.context_seq_len=3", "train.train_iters=300",
                   "train.eval_interval=0", "train.global_batch_size=8", "checkpoint.save_interval=0",
                   f"checkpoint.save={folder}", *limits]
        subprocess.run(list(map(str, command)), env=environment(1), check=True, capture_output=True)
        lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(line["step_seconds"] for line in lines[20:])


def watchdog_cost(bin_folder, rounds):
    pairs = [(watched_step(bin_folder, True), watched_step(bin_folder, False)) for _ in range(rounds)]
    ratios = [watched / plain for watched, plain in pairs]
    print(f"\nwatchdog: a step takes {1000 * statistics.median(watched for watched, _ in pairs):.2f} ms with it and "
          f"{1000 * statistics.median(plain for _, plain in pairs):.2f} ms without, {statistics.median(ratios):.3f}x "
          f"({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", help="TOKENS-PRECISION, e.g. 1024-fp32, or start-up, or watchdog")
    options = parser.parse_args()
    print(f"DiT-S training step, {options.threads} threads, {options.rounds} alternating rounds of {options.steps} steps\n")
    print("| tokens | precision | dfm s | PyTorch s | ratio (range) | dfm MiB | PyTorch MiB | ratio |")
    print("|---:|---|---:|---:|---|---:|---:|---:|")
    for tokens, precision in CASES:
        if options.only in (None, f"{tokens}-{precision}"):
            compare(options.bin.resolve(), tokens, precision, options)
    if options.only in (None, "watchdog"):
        watchdog_cost(options.bin.resolve(), options.rounds)
    if options.only not in (None, "start-up"):
        return
    print("\n| start-up | seconds |\n|---|---:|")
    for words in (["dfm_index", "--help"], ["dfm_consolidate", "--help"]):
        print(f"| {' '.join(words)} | {start_up(options.bin.resolve(), words):.3f} |")
    print(f"| dfm_train to the end of its first step | {first_step(options.bin.resolve(), options.threads):.2f} |")


if __name__ == "__main__":
    main()
