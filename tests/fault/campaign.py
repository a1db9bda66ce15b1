"""make torture: a thousand faults drawn at random, and after each of them what must hold.

usage: campaign.py [--count N] [--seed S] [--jobs J] [--summary FILE]
Every life of a run has its own seed, SEED/NUMBER; the summary has one JSON line a life, and lives that are in it are not
run again.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from faults import NO_CHECKPOINT, apply_power_loss, draw  # noqa: E402
from life import STEPS, UNKNOWN, Life, Violation, require_close, require_same_bits, require_same_losses  # noqa: E402

FAULTS_IN_A_LIFE = 12
MOST_STEPS_BETWEEN_FAULTS = 24
ELASTIC_LIVES = 0.4  # have starts on other numbers of ranks,
CHANGES_OF_RANKS = 0.4  # that part of them


class References:
    """What undisturbed runs come to, one for each number of ranks: the weights at the end and the losses on the way."""

    def __init__(self, place):
        self.place, self.known, self.lock = Path(place), {}, threading.Lock()

    def of(self, ranks):
        with self.lock:
            if ranks not in self.known:
                life = Life(self.place / f"undisturbed_{ranks}", ranks)
                self.known[ranks] = life.finish(), life.losses()
            return self.known[ranks]

    def require_same_end(self, life):
        """The same bits; after another number of ranks on the way, what differs in rounding alone."""
        weights, losses = self.of(life.ranks)
        ours = life.finish()
        if not life.ranks_changed:
            return require_same_bits(weights, ours)
        require_same_losses(losses, life.losses())
        return require_close(weights, ours)


def backup(life, step):
    """Someone's copy of what a fault is about to damage, for the case that nothing else is left."""
    place = life.place / "backup"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for source in (life.folder / f"iter_{step:07}", life.folder / "latest_checkpointed_iteration.txt"):
        if source.is_dir():
            shutil.copytree(source, place / source.name)
        elif source.exists():
            shutil.copy(source, place)
    return place


def restore(life, place):
    for source in place.iterdir():
        if source.is_dir():
            shutil.rmtree(life.folder / source.name, ignore_errors=True)
            shutil.copytree(source, life.folder / source.name)
        else:
            shutil.copy(source, life.folder)


def check_damage(life, fault, outcome, older, copy):
    """Of a damaged checkpoint: it is named, and the newest undamaged one is taken; where there is none, code 5."""
    name = f"iter_{fault.damaged_step:07}"
    if outcome.code == NO_CHECKPOINT:
        if older and "pointer" not in fault.words:
            raise Violation(f"gave up although {older} are whole\n{outcome.printed[-3000:]}")
        restore(life, copy)
        return
    if outcome.resumed_at is None:
        return
    if outcome.resumed_at < fault.damaged_step:
        newest = older[0] if older else 0
        is_newest = outcome.resumed_at >= newest if life.nodes > 1 else outcome.resumed_at == newest  # nodes may hold a newer one
        if "pointer" not in fault.words and not is_newest:
            raise Violation(f"resumed at {outcome.resumed_at}, whole are {older}\n{outcome.printed[-3000:]}")
        if not any(name in line or "pointer" in line or "latest_" in line for line in outcome.warnings):
            raise Violation(f"went back without a warning that names {name}\n{outcome.printed[-3000:]}")
        life.announced = outcome.resumed_at


def strike(life, chance):
    """One start with one fault. Returns its kind, whether it was in time, what it was."""
    kind, fault = draw(chance, life)
    older, copy = life.checkpoints()[1:], None
    if fault.damaged_step is not None:
        copy = backup(life, fault.damaged_step)
    if fault.damage:
        fault.damage(life)
    steps = chance.randint(1, MOST_STEPS_BETWEEN_FAULTS)
    run = life.start(fault.environment, [f"train.stop_after_steps={steps}", *fault.options])
    try:
        in_time = fault.disturb(run) if fault.disturb else True
        outcome = run.end()
        if "DFM_FAULT" in fault.environment:
            in_time = life.struck()
        if outcome.code is UNKNOWN:
            in_time = False
        life.require_documented(outcome, fault.codes if in_time else {0, 75, UNKNOWN})
        if fault.damaged_step is not None and in_time:
            check_damage(life, fault, outcome, older, copy)
        life.require_no_lost_step(outcome)
    except Violation as violation:
        raise Violation(f"{kind}: {fault.words}: {violation}") from None
    if fault.loses_power:
        apply_power_loss(life, chance)
    return kind, in_time, fault.words, outcome


def live(place, seed, references, most_faults=FAULTS_IN_A_LIFE):
    """A run's whole life. Returns what struck it, and the violation if there was one."""
    chance = random.Random(seed)
    ranks = chance.choice([1, 1, 2, 2, 3])
    life = Life(place, ranks, nodes=chance.choice([1, 2]) if ranks > 1 else 1)
    is_elastic = chance.random() < ELASTIC_LIVES
    record = {"seed": seed, "ranks": life.ranks, "nodes": life.nodes, "faults": [], "late": 0, "violation": None}
    try:
        while len(record["faults"]) < most_faults and life.announced < STEPS:
            if is_elastic and chance.random() < CHANGES_OF_RANKS:
                life.change_ranks(chance.choice([ranks for ranks in (1, 2, 3) if ranks >= life.nodes]))
            kind, in_time, words, outcome = strike(life, chance)
            if in_time:
                record["faults"].append({"kind": kind, "words": words, "ranks": life.ranks, "code": outcome.code})
            else:
                record["late"] += 1
        references.require_same_end(life)
    except Violation as violation:
        record["violation"] = str(violation)
    except Exception:  # a mistake in here must not end a worker in silence
        record["violation"] = traceback.format_exc()
    if record["violation"] is None:
        shutil.rmtree(place)
    return record


class Campaign:
    def __init__(self, options, place):
        self.options, self.place = options, Path(place)
        self.references = References(self.place)
        self.records, self.lock = [], threading.Lock()
        if options.summary and options.summary.exists():
            known = [json.loads(line) for line in options.summary.read_text().splitlines()]
            self.records = [record for record in known if str(record["seed"]).startswith(f"{options.seed}/")]
        self.next_life = 0

    def count(self):
        return sum(len(record["faults"]) for record in self.records)

    def next_seed(self):
        with self.lock:
            done = {record["seed"] for record in self.records}
            while f"{self.options.seed}/{self.next_life}" in done:
                self.next_life += 1
            self.next_life += 1
            return f"{self.options.seed}/{self.next_life - 1}"

    def add(self, record):
        with self.lock:
            self.records.append(record)
            if self.options.summary:
                with open(self.options.summary, "a") as summary:
                    summary.write(json.dumps(record) + "\n")
            state = "VIOLATION" if record["violation"] else "ok"
            print(f"life {record['seed']}: {record['ranks']} ranks, {len(record['faults'])} faults, "
                  f"{record['seconds']:.1f} s, {state}; {self.count()} of {self.options.count} faults", flush=True)
            if record["violation"]:
                print(record["violation"], flush=True)

    def work(self):
        while self.count() < self.options.count:
            seed = self.next_seed()
            begun = time.monotonic()
            most = min(FAULTS_IN_A_LIFE, max(1, self.options.count - self.count()))
            record = live(self.place / seed.replace("/", "_"), seed, self.references, most)
            self.add({**record, "seconds": time.monotonic() - begun})

    def run(self):
        print(f"seed {self.options.seed}", flush=True)
        with ThreadPoolExecutor(self.options.jobs) as pool:
            for worker in [pool.submit(self.work) for _ in range(self.options.jobs)]:
                worker.result()
        return self

    def violations(self):
        return [record for record in self.records if record["violation"]]

    def table(self):
        struck = collections.Counter(fault["kind"] for record in self.records for fault in record["faults"])
        codes = collections.defaultdict(collections.Counter)
        for record in self.records:
            for fault in record["faults"]:
                codes[fault["kind"]][fault["code"]] += 1
        rows = [f"| {kind} | {number} | {', '.join(f'{code}: {times}' for code, times in sorted(codes[kind].items()))} |"
                for kind, number in sorted(struck.items())]
        return "\n".join(["| fault | times | exit codes |", "|---|---:|---|", *rows])


def workplace():
    """Memory, where there is any: power_loss.py plays what a disk would lose, and flushes cost nothing there."""
    in_memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.path.isdir(in_memory) or shutil.disk_usage(in_memory).free < 2**30:
        return None
    return in_memory


def parse(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(2**32)))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--summary", type=Path)
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    place = tempfile.mkdtemp(prefix="dfm-torture-", dir=workplace())
    campaign = Campaign(options, place).run()
    print(f"\n{campaign.table()}\n\n{campaign.count()} faults in {len(campaign.records)} lives, seed {options.seed}: "
          f"{len(campaign.violations())} violations")
    if campaign.violations():
        print(f"what is left of them: {place}")
        return 1
    shutil.rmtree(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
