"""make bench: the loader beside the real Energon and webdataset, on one core, and beside a sequential read.

All take turns on one data set; ratios are taken within a round, and their median is printed with its range. Peers read
fewer samples than dfm where they are slow; what is compared are samples a second.
With --cpu, seconds of the processor count instead of those of the clock: for a machine that others use, too.
usage: loader.py BIN [--rounds N] [--samples N] [--large N] [--only tiny|large] [--cpu] [--folder PLACE]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import loader_data  # noqa: E402
import page_cache  # noqa: E402


def one_core():
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})


def run(words, cores=one_core):
    done = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True, preexec_fn=cores)
    return json.loads(done.stdout.splitlines()[-1])


SECONDS = "seconds"


def rate(result):
    return result["samples"] / result[SECONDS]


def slowing(result):
    """Time of the last tenth beside that of the second."""
    tenths = result["tenths"]
    return (tenths[-1] - tenths[-2]) / (tenths[1] - tenths[0])


def row(*cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def median_and_range(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def show(what, rounds, baseline, good):
    """rounds: a dict a round, of results by name."""
    for name in rounds[0]:
        results = [each[name] for each in rounds]
        slow = f"{statistics.median(map(slowing, results)):.2f}" if results[0].get("tenths") else "-"
        row(what, name, f"{statistics.median(map(rate, results)):,.0f}",
            median_and_range([good(each[name], each[baseline]) for each in rounds]), slow,
            f"{statistics.median(result['peak_mib'] for result in results):.0f}")


def show_alone(what, name, result):
    row(what, name, f"{rate(result):,.0f}", "", f"{slowing(result):.2f}", f"{result['peak_mib']:.0f}")


def ask_peer(*words):
    return run([sys.executable, HERE / "loader_peers.py", *words])


def tiny(options, folder):
    """dfm's samples a second beside Energon's."""
    sets = {mode: loader_data.write(folder / mode, mode, options.samples, 40, options.bin) for mode in ("raw", "tiny")}
    for mode, root in sets.items():
        for batch in (1, 64):
            threads = [] if mode == "raw" else [1]
            ours = ["raw" if mode == "raw" else "train", root, batch, options.samples, *threads]
            peers = min(options.samples, 3000 if batch == 1 else 20000)
            kind = "raw" if mode == "raw" else "decoded"
            rounds = [{"dfm": run([options.bin / "loader_bench", *ours]),
                       "Energon": ask_peer("energon", root, kind, batch, peers),
                       "webdataset": ask_peer("webdataset", root, kind, batch, peers)} for _ in range(options.rounds)]
            show(f"tiny, {kind}, batch {batch}", rounds, "Energon", lambda x, base: rate(x) / rate(base))
    quarter = loader_data.write(folder / "quarter", "tiny", options.samples // 4, 10, options.bin)
    for root, samples in ((quarter, options.samples // 4), (sets["tiny"], options.samples)):
        result = run([options.bin / "loader_bench", "train", root, 64, samples, 1])
        show_alone(f"tiny, decoded, a data set of {samples:,}", "dfm", result)


def large_round(options, root, state, threads, number):
    """Who comes first changes from round to round: with a cold cache it may pay for memory that the system had given away."""
    readers = {"sequential read": ["sequential", root], "the same, kept": ["keeping", root, 8],
               "dfm": ["train", root, 4, options.large, threads]}
    results, names = {}, [*readers]
    for name in names[number % 3:] + names[:number % 3]:
        if state == "cold":
            page_cache.forget(path for path in root.rglob("*") if path.is_file())
        results[name] = run([options.bin / "loader_bench", *readers[name]], one_core if threads == 1 else None)
    return results


def large(options, folder):
    """Seconds a sample beside those of a sequential read of the shards, and of one that keeps as many samples as are
    under way in dfm."""
    root = loader_data.write(folder / "large", "large", options.large, 16, options.bin)
    for state in ("warm", "cold"):
        for threads, cores in ((1, "1 core"), (2, "2 cores")):
            rounds = [large_round(options, root, state, threads, number) for number in range(options.rounds)]
            show(f"large, {state}, {cores}", rounds, "sequential read", lambda x, base: rate(base) / rate(x))
            beside_kept = [rate(each["the same, kept"]) / rate(each["dfm"]) for each in rounds]
            row("", "dfm beside the same, kept", "", median_and_range(beside_kept), "", "")
    show_alone("large, warm, 1 core", "Energon", ask_peer("energon", root, "decoded", 4, options.large // 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=lambda text: Path(text).resolve())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=200_000, help="tiny ones")
    parser.add_argument("--large", type=int, default=1024)
    parser.add_argument("--only", choices=["tiny", "large"])
    parser.add_argument("--folder", type=Path, help="where to put the data; default: a temporary folder")
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    if options.cpu:
        global SECONDS
        SECONDS = "cpu_seconds"
    print("\n| data | who | samples/s | beside Energon (tiny: speed) or a sequential read (large: time) "
          "| last tenth / second | MiB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.only != "large":
            tiny(options, Path(folder))
        if options.only != "tiny":
            large(options, Path(folder))


main()
