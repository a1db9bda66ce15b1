"""make bench: goodput of a run that is struck once in every 200 steps.

Two figures, since they answer two questions:
  goodput of stepping   steps kept x undisturbed time of a step / time from the moment a start is loaded to its end,
                        which holds saves that block, steps that are computed again, and the fault itself
  goodput of the whole  the same over the whole wall time, launches and loading included
What each fault costs is shown in parts. A soak is compressed by making steps short, which makes the seconds that a start takes
weigh as many more steps as they are shorter than real ones; so the last lines say what the same losses, lost seconds as
seconds and lost steps as steps, come to with longer steps, and from which length of a step on the whole is at 98 %. That is
arithmetic, not a measurement.
The undisturbed time is the mean of the steps that lie furthest behind a save, in the same starts: what else the machine does
strikes them as it strikes the others. Faults are drawn by a printed seed from kill -9 of one rank or of all, and SIGTERM.
usage: soak.py BIN [--faults N] [--every STEPS] [--interval STEPS] [--ranks N] [--seed S] [--words WORD ...]
Steps of more than a second, on one rank: --ranks 1 --words dataset.H_latents=64 dataset.W_latents=64 model.hidden_size=256
"""

import argparse
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import ENVIRONMENT, MPIRUN  # noqa: E402

MODEL = ["--mock", "dataset.H_latents=16", "dataset.W_latents=16", "dataset.F_latents=1", "dataset.context_seq_len=16",
         "dataset.mock_samples=64", "model.num_layers=4", "model.hidden_size=128", "model.num_attention_heads=4",
         "model.adaln_rank=32", "train.precision=fp32", "train.global_batch_size=4", "train.eval_interval=0",
         "logger.log_interval=1"]
ITERATION = re.compile(r"iteration +(\d+)/")


def ranks_of(process, options):
    if options.ranks == 1:  # without mpirun
        return [process.pid]
    found = subprocess.run(["pgrep", "-P", str(process.pid), "dfm_train"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def strike(process, kind, options, chance):
    ranks = ranks_of(process, options)
    if kind == "kill -9 of all":
        for pid in [process.pid, *ranks]:
            os.kill(pid, signal.SIGKILL)
    elif ranks:
        os.kill(chance.choice(ranks), signal.SIGKILL if kind == "kill -9 of one rank" else signal.SIGTERM)


def start(options, folder, steps, fault=None, chance=None):
    """One start, struck at fault = (step, kind). Returns the moments of its launch, its steps, its load and its end."""
    words = [*MODEL, f"checkpoint.save={folder}", f"checkpoint.save_interval={options.interval}", "checkpoint.most_recent_k=3",
             f"train.train_iters={steps}", *options.words]
    launcher = [] if options.ranks == 1 else [*MPIRUN, "-n", options.ranks]
    command = [*launcher, options.bin.resolve() / "dfm_train", *words]
    moments = {"launch": time.perf_counter(), "steps": [], "from": 0, "code": None, "up": None, "loaded": None}
    process = subprocess.Popen(list(map(str, command)), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        now = time.perf_counter()
        if "parameters;" in line:
            moments["up"] = now
        if "parameters;" in line or "resuming from" in line:
            moments["loaded"] = now
        if "resuming from" in line:
            moments["from"] = int(line.rsplit(" ", 1)[1])
        if found := ITERATION.search(line):
            moments["steps"].append((int(found[1]), now))
            if fault and int(found[1]) >= fault[0]:
                strike(process, fault[1], options, chance)
                fault = None
    moments["code"] = process.wait()
    moments["end"] = time.perf_counter()
    return moments


def mean_seconds(starts, is_counted=lambda step: True):
    """Of the steps that follow on another one."""
    return statistics.mean(after - before for each in starts
                           for (_, before), (step, after) in zip(each["steps"], each["steps"][1:]) if is_counted(step))


def soak(options, place, chance):
    total, starts = options.faults * options.every, []
    for number in range(options.faults):
        at = number * options.every + chance.randint(options.every // 4, options.every - 1)
        kind = chance.choice(["kill -9 of one rank", "kill -9 of all", "SIGTERM"])
        moments = start(options, place / "run", total, (at, kind), chance)
        starts.append(moments)
        print(f"| {kind} at step {at} | {moments['code']} | {moments['from']} | {moments['loaded'] - moments['launch']:.2f} | "
              f"{moments['end'] - moments['loaded']:.2f} |", flush=True)
    starts.append(start(options, place / "run", total))
    assert starts[-1]["code"] == 0, "the run did not reach its end"
    return total, starts


def losses(starts, step):
    """Of each fault: seconds from it to the end of the job, of the next launch and load, and of what its first step takes
    longer; and the steps that are computed again."""
    found = []
    for struck, following in zip(starts, starts[1:]):
        last_step, fell = struck["steps"][-1]
        found.append({"end": struck["end"] - fell, "launch": following["up"] - following["launch"],
                      "load": following["loaded"] - following["up"],
                      "first step": following["steps"][0][1] - following["loaded"] - step,
                      "steps again": last_step - following["from"]})
    return found


def print_losses(starts, step, options):
    found = losses(starts, step)
    mean = {part: statistics.mean(each[part] for each in found) for part in found[0]}
    print("\nlost by a fault, mean: " + ", ".join(f"{part} {mean[part]:.2f}{'' if part == 'steps again' else ' s'}"
                                                 for part in mean))
    by_saves = max(0, mean_seconds(starts) - step)
    print(f"a step beside saves takes {1000 * by_saves:.1f} ms longer than an undisturbed one")
    by_fault = sum(value for part, value in mean.items() if part != "steps again") + options.every * by_saves
    print("\n| seconds a step | goodput of the whole, computed |\n|---:|---:|")
    for length in (step, 0.5, 1, 2, 5):
        useful = options.every * length
        print(f"| {length:.2f} | {100 * useful / (useful + by_fault + mean['steps again'] * length):.1f} % |")
    room = options.every * (1 / 0.98 - 1) - mean["steps again"]
    print(f"98 % from {by_fault / room:.2f} s a step on" if room > 0 else "98 % with no length of a step: save more often")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--interval", type=int, default=4, help="steps between checkpoints, 2 or more")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--words", nargs="*", default=[], help="more for dfm_train, as for longer steps")
    options = parser.parse_args()
    print(f"\nSoak: {options.faults} faults, one in {options.every} steps, a checkpoint every {options.interval} steps, "
          f"{options.ranks} ranks, seed {options.seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        print("| fault | code | resumed at | launch and load s | stepping s |\n|---|---:|---:|---:|---:|")
        total, starts = soak(options, place, random.Random(options.seed))
    step = mean_seconds(starts, lambda step: step % options.interval == 0)  # a save begins at their end
    stepping = sum(each["end"] - each["loaded"] for each in starts)
    whole = sum(each["end"] - each["launch"] for each in starts)
    computed = sum(len(each["steps"]) for each in starts)
    print(f"\nan undisturbed step: {step * 1000:.1f} ms; {computed - total} of {total} "
          f"steps computed again\ngoodput of stepping: {100 * total * step / stepping:.1f} %, of the whole: "
          f"{100 * total * step / whole:.1f} %")
    print_losses(starts, step, options)


if __name__ == "__main__":
    main()
