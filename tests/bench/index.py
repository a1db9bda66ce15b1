"""Indexing many tiny samples: dfm_index against `energon prepare` with one worker and against a floor, in alternation.

    .deps/venv/bin/python tests/bench/index.py build/bin [--samples 200000] [--shards 40] [--rounds 3]

Each sample has three parts of about 200 bytes behind the PAX headers that webdataset writes. The floor reads the shards once in pieces of
1 MiB and writes the same rows to SQLite in bulk, with the same indices, from memory: what nobody who writes index.sqlite can avoid. Every
figure is the median of the rounds, as the clock shows it and as processor time: on a machine that others use, too, the second is the one
to compare. Cold: the shards are dropped from the page cache first.
"""

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import page_cache

ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
PARTS = [("cls", 190), ("json", 203), ("txt", 211)]
PIECE_BYTES = 1 << 20


def template(extension, size):
    """One member as bytes with a key of zeros, where its last header begins, and the sum of that without the key."""
    info = tarfile.TarInfo("0000000." + extension)
    info.size, info.mode, info.uname, info.gname, info.mtime = size, 0o444, "bigdata", "bigdata", 1764115200.123456
    member = bytearray(info.tobuf(tarfile.PAX_FORMAT))
    last = len(member) - 512
    total = sum(member[last:]) - sum(member[last:last + 7]) - sum(member[last + 148:last + 156]) + 8 * ord(" ")
    return member, last, total, b'"' + b"x" * (size - 2) + b'"' + bytes(-size % 512)


def write_shards(root, samples, shards, parts=PARTS):
    templates = [template(*part) for part in parts]
    for shard in range(shards):
        pieces = []
        for key in range(shard * samples // shards, (shard + 1) * samples // shards):
            name = b"%07d" % key
            for member, last, total, content in templates:
                member[last:last + 7] = name
                member[last + 148:last + 156] = b"%06o\0 " % (total + sum(name))
                pieces += [bytes(member), content]
        (root / f"shard_{shard:06}.tar").write_bytes(b"".join(pieces) + bytes(10240))


def forget_index(root):
    shutil.rmtree(root / ".nv-meta", ignore_errors=True)
    for index in root.glob("*.idx"):
        index.unlink()


# A child's peak begins with its parent's memory, so the parent is an interpreter that has loaded nothing.
LAUNCH = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.returncode, done.stderr[-2000:]]))
"""


def timed(words):
    """Seconds by the clock, seconds of processor, peak MiB of a program and its children."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCH, *map(str, words)], env=ENVIRONMENT, check=True, capture_output=True, text=True)
    seconds, used, peak, code, error = json.loads(done.stdout)
    if code != 0:
        sys.exit(f"{words[0]}: {error}")
    return seconds, used, peak


def rows_of(root):
    with contextlib.closing(sqlite3.connect(f"file:{root}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)) as database:
        schema = [row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")]
        return schema, database.execute("SELECT * FROM samples").fetchall(), database.execute("SELECT * FROM sample_parts").fetchall()


def read_once(root):
    buffer = bytearray(PIECE_BYTES)
    for shard in sorted(root.glob("*.tar")):
        with open(shard, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def write_rows(path, schema, samples, parts):
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        for sql in schema:
            if sql.startswith("CREATE TABLE"):
                database.execute(sql.replace(" UNIQUE", ""))
        database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", samples)
        database.executemany("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)", parts)
        database.execute("CREATE UNIQUE INDEX keys ON samples(sample_key)")
        for sql in schema:
            if sql.startswith("CREATE INDEX"):
                database.execute(sql)
        database.execute("COMMIT")


def floor(root, rows):
    begin, used = time.perf_counter(), time.process_time()
    read_once(root)
    write_rows(root.parent / "floor.sqlite", *rows)
    return time.perf_counter() - begin, time.process_time() - used, 0


def by_dfm(root, binaries):
    forget_index(root)
    return timed([binaries / "dfm_index", root, "--progress", "off"])


def by_energon(root):
    forget_index(root)
    return timed([Path(sys.executable).parent / "energon", "prepare", root, "--non-interactive", "--no-progress", "--split-ratio", "1,0,0",
                  "--sample-type", "CrudeWebdataset", "--num-workers", "1"])


def measure(root, binaries, rows, options, cold):
    figures = {"dfm_index": [], "floor": [], "energon, 1 worker": []}
    for _ in range(options.rounds):
        for name, work in [("dfm_index", lambda: by_dfm(root, binaries)), ("floor", lambda: floor(root, rows)),
                           ("energon, 1 worker", lambda: by_energon(root))]:
            if cold:
                page_cache.forget(root.glob("*.tar"))
            figures[name].append(work())
    return {name: [statistics.median(values) for values in zip(*taken)] for name, taken in figures.items()}


def show(title, figures):
    print(f"\n{title}\n{'':20} {'clock':>9} {'processor':>10} {'peak MiB':>9}")
    for name, (clock, used, peak) in figures.items():
        print(f"{name:20} {clock:8.2f}s {used:9.2f}s {peak:9.0f}")
    ours, least, theirs = (figures[name] for name in ("dfm_index", "floor", "energon, 1 worker"))
    print(f"energon / dfm: {theirs[0] / ours[0]:.1f}x by the clock, {theirs[1] / ours[1]:.1f}x of processor time; "
          f"dfm / floor: {ours[0] / least[0]:.2f}x, {ours[1] / least[1]:.2f}x")


def show_memory(folder, binaries, options):
    """As many samples and four times as many, of one part each: the peak must not follow."""
    large, small = folder / "large", folder / "small"
    for root in (large, small):
        root.mkdir()
    write_shards(large, 4 * options.samples, 4 * options.shards, PARTS[:1])
    for shard in sorted(large.glob("*.tar"))[::4]:
        (small / shard.name).symlink_to(shard)
    peaks = [by_dfm(root, binaries)[2] for root in (small, large)]
    print(f"\npeak of dfm_index: {peaks[0]:.0f} MiB for {options.samples} samples, {peaks[1]:.0f} MiB for four times as many")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--samples", type=int, default=200000)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfm-index-bench-") as folder:
        root = Path(folder) / "tiny"
        root.mkdir()
        write_shards(root, options.samples, options.shards)
        by_dfm(root, options.binaries)
        rows = rows_of(root)
        print(f"index of {options.samples} samples of 3 parts in {options.shards} shards; medians of {options.rounds}")
        for cold in (False, True):
            show("cold page cache" if cold else "warm page cache", measure(root, options.binaries, rows, options, cold))
        shutil.rmtree(root)
        show_memory(Path(folder), options.binaries, options)


if __name__ == "__main__":
    main()
