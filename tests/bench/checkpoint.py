"""make bench: saving and loading checkpoints beside plain writes and reads of the same bytes and beside the Python peers.

All take turns on one disk; dfm and the plain writes and reads alternate five times in a round, each first in every second
turn, and read into the same memory, which was touched before. Ratios are taken of the medians of a round; the median of
the rounds is printed with its range. So is that of processor time, of all ranks together, where dfm was measured: it tells
more where other programs run on the machine.
usage: checkpoint.py BIN [--mib N] [--rounds N] [--ranks 1 2] [--folder PLACE]
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import ENVIRONMENT, MPIRUN  # noqa: E402

# Each measure and what it is compared with.
COMPARED = {
    "dfm blocked at once, first save": "memcpy to fresh memory",
    "dfm blocked at once": "memcpy",
    "dfm blocked by an asynchronous save": "memcpy",
    "dfm save": "raw write+fsync",
    "torch.save save+fsync": "raw write+fsync",
    "safetensors save+fsync": "raw write+fsync",
    "PyTorch DCP save+fsync": "raw write+fsync",
    "dfm load, cold": "raw read, cold",
    "torch.save load, cold": "raw read, cold",
    "safetensors load, cold": "raw read, cold",
    "PyTorch DCP load, cold": "raw read, cold",
    "dfm load, warm": "raw read, warm",
    "torch.save load, warm": "raw read, warm",
    "safetensors load, warm": "raw read, warm",
    "PyTorch DCP load, warm": "raw read, warm",
}


def measures(printed):
    return {line["what"]: line for line in map(json.loads, printed.splitlines())}


def run_dfm(bin_folder, folder, mib, ranks):
    command = [*MPIRUN, "-n", str(ranks), bin_folder / "checkpoint_bench", folder, mib]
    return measures(subprocess.run(list(map(str, command)), env=ENVIRONMENT, check=True, capture_output=True,
                                   text=True).stdout)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_peers(folder, mib, ranks):
    port = free_port()
    command = [sys.executable, HERE / "checkpoint_peers.py", folder, mib]
    parts = [[]] if ranks == 1 else [[rank, ranks, port] for rank in range(ranks)]
    started = [subprocess.Popen(list(map(str, [*command, *part])), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True) for part in parts]
    printed = [process.communicate()[0] for process in started]
    assert all(process.returncode == 0 for process in started), "a peer failed"
    return measures("".join(printed))


def one_round(options, ranks):
    found = {}
    for run in (lambda place: run_dfm(options.bin.resolve(), place, options.mib, ranks),
                lambda place: run_peers(place, options.mib, ranks)):
        with tempfile.TemporaryDirectory(dir=options.folder) as place:
            found.update(run(Path(place)))
    return found


def against_plain(rounds, what, unit):
    """The median of the rounds' ratios, and their range; nothing where it was not measured."""
    plain = COMPARED.get(what)
    if plain is None or unit not in rounds[0][what] or unit not in rounds[0][plain]:
        return ""
    ratios = [found[plain][unit] / found[what][unit] for found in rounds]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def print_table(rounds, mib):
    print("| what | seconds | MiB/s | against | throughput against it (range) | per second of processor (range) |\n"
          "|---|---:|---:|---|---|---|")
    for what in rounds[0]:
        value = statistics.median(found[what]["seconds"] for found in rounds)
        print(f"| {what} | {value:.3f} | {mib / value:,.0f} | {COMPARED.get(what, '')} | "
              f"{against_plain(rounds, what, 'seconds')} | {against_plain(rounds, what, 'processor')} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", help="on the disk that is measured")
    options = parser.parse_args()
    for ranks in options.ranks:
        print(f"\nCheckpoints of {options.mib} MiB, {ranks} ranks, {options.rounds} rounds\n")
        print_table([one_round(options, ranks) for _ in range(options.rounds)], options.mib)


if __name__ == "__main__":
    main()
