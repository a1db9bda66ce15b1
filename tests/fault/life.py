"""The life of one training run through many faults: starts, ends, what was promised and what must hold."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from conftest import BIN, ENVIRONMENT, MPIRUN, mpi_files_in

SHIM = BIN.parent / "lib" / "libfault_shim.so"
STEPS = 160
# Relative. Other ranks add up in another order, which changes losses by 5e-8 here, and tensors by 2e-6 of their norm.
LOSS_TOLERANCE, WEIGHT_TOLERANCE = 1e-6, 1e-4
SAVE_INTERVAL = 4
SECONDS_TO_END = 180
UNKNOWN = None  # the code of a run whose launcher did not tell
SECONDS_TO_VANISH = 10
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6, 7, 75}
CRASH = re.compile(r"terminate called|Segmentation|core dumped|Process received signal|AddressSanitizer|Aborted|"
                   r"HDF5-DIAG|Traceback")

MODEL = ["--mock", "dataset.mock_samples=40", "dataset.H_latents=4", "dataset.W_latents=4", "dataset.F_latents=1",
         "dataset.context_seq_len=4", "model.num_layers=1", "model.hidden_size=32", "model.num_attention_heads=2",
         "model.adaln_rank=8", "model.max_img_h=16", "model.max_img_w=16", "model.max_frames=4", "train.precision=fp32",
         "train.global_batch_size=6", "scheduler.lr_warmup_iters=2", "optimizer.lr=1e-3", "train.ema_decay=0.9",
         "logger.log_interval=1", "train.eval_interval=0", f"train.train_iters={STEPS}"]


# Of a life on two nodes, played on this machine, each with a scratch folder of its own.
SHARED_INTERVAL_BESIDE_LOCAL = 16
NODES = ('export DFM_PLAYED_NODE=$((OMPI_COMM_WORLD_RANK % 2)); export DFM_SCRATCH="$1/node$DFM_PLAYED_NODE"; '
         'mkdir -p "$DFM_SCRATCH"; shift; exec "$@"')


class Violation(AssertionError):
    """Something that must hold after every fault did not."""


def kill_all(process):
    """kill -9 of mpirun and every rank, found by their session; what was printed since."""
    pids = subprocess.run(["pgrep", "-s", str(process.pid)], capture_output=True, text=True).stdout.split()
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    for pid in {*pids, *children}:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    return process.printed()


@dataclass
class Outcome:
    code: int | None
    printed: str

    @property
    def resumed_at(self):
        """The step of the checkpoint it went on from; None where it did not get so far."""
        found = re.search(r"resuming from .* at iteration (\d+)", self.printed)
        return int(found[1]) if found else None

    @property
    def announced(self):
        return [int(step) for step in re.findall(r"checkpoint saved: \S*iter_(\d+)", self.printed)]

    @property
    def warnings(self):
        return [line for line in self.printed.splitlines() if "warning:" in line]


def record(line):
    """None for a line that a power failure has torn."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def final_weights(folder):
    found = {}
    for path in sorted((folder / f"iter_{STEPS:07}").glob("rank_*.h5")):
        with h5py.File(path) as file:
            file.visititems(lambda name, item, path=path: found.update({(path.name, name): item[()]})
                            if isinstance(item, h5py.Dataset) else None)
    return found


def state_of(pid):
    """As ps shows it: R, S, T (stopped) and so on; X for what is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_alive(pid):
    return state_of(pid) not in "ZX"


class Run:
    """One start of the program under the shim."""

    def __init__(self, life, environment, words):
        self.life = life
        self.pid_file = life.notes / "pids"
        shim = {"LD_PRELOAD": SHIM, "DFM_FAULT_ROOT": life.folder, "DFM_FAULT_PIDS": self.pid_file,
                "DFM_FAULT_LOG": life.notes / "log", "DFM_FAULT_JOURNAL": life.notes / "journal",
                "DFM_FAULT_KEEP": life.notes / "kept", **environment}
        # Given to the ranks alone, not to mpirun.
        program = ["env", *(f"{key}={value}" for key, value in shim.items()), str(BIN / "dfm_train"), *MODEL,
                   f"checkpoint.save={life.folder}", "checkpoint.most_recent_k=3", *life.cadence(), *words]
        if life.nodes > 1:
            program = ["sh", "-c", NODES, "nodes", str(life.folder / "nodes"), *program]
        start = [] if life.ranks == 1 else [*MPIRUN, "-n", str(life.ranks)]
        self.printed = open(life.notes / "printed", "w+")
        self.process = subprocess.Popen([*start, *program], env=life.environment(), stdout=self.printed,
                                        stderr=self.printed, start_new_session=True)

    def pids(self):
        """The ranks' process numbers, in the order of ranks, as far as they have started."""
        if not self.pid_file.exists():
            return []
        lines = [line.split() for line in self.pid_file.read_text().splitlines()]
        return [int(pid) for _, pid in sorted(lines, key=lambda line: int(line[0]))]

    def wait_until_started(self):
        end = time.monotonic() + SECONDS_TO_END
        while len(self.pids()) < self.life.ranks and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        return self.pids()

    def send(self, pids, number):
        """Whether at least one of them was there to receive it."""
        received = False
        for pid in pids:
            if is_alive(pid):
                with contextlib.suppress(ProcessLookupError):  # gone meanwhile
                    os.kill(pid, number)
                    received = True
        return received

    def kill_everything(self):
        return self.send([self.process.pid, *self.pids()], signal.SIGKILL)

    def text(self):
        return (self.life.notes / "printed").read_text(errors="replace")

    def has_ended(self):
        """False once nothing was printed for SECONDS_TO_END; a run that goes on slowly on a busy machine is waited for."""
        length, since = -1, 0.0
        while True:
            if len(self.text()) != length:
                length, since = len(self.text()), time.monotonic()
            try:
                self.process.wait(timeout=1)
                return True
            except subprocess.TimeoutExpired:
                if time.monotonic() - since > SECONDS_TO_END:
                    return False

    def wake_who_was_stopped_after_the_end(self):
        """Where all other ranks have ended: they took leave of each other, so that the launcher alone waits for it."""
        left = [pid for pid in self.pids() if is_alive(pid)]
        if len(left) < self.life.ranks and all(state_of(pid) == "T" for pid in left):
            self.send(left, signal.SIGCONT)

    def end(self):
        if not self.has_ended():
            self.wake_who_was_stopped_after_the_end()
        if not self.has_ended():
            if any(map(is_alive, self.pids())):
                self.kill_everything()
                raise Violation(f"it hung for {SECONDS_TO_END} s:\n{self.text()[-3000:]}")
            self.process.kill()  # mpirun may block in its own clean-up after all ranks have ended
            self.process.wait()
            return Outcome(UNKNOWN, self.text())
        self.require_gone()
        self.printed.close()
        return Outcome(self.process.returncode, self.text())

    def require_gone(self):
        end = time.monotonic() + SECONDS_TO_VANISH
        while left := [pid for pid in self.pids() if is_alive(pid)]:
            if time.monotonic() > end:
                self.kill_everything()
                raise Violation(f"processes are left: {left}\n{self.text()[-3000:]}")
            time.sleep(0.01)


class Life:
    def __init__(self, place, ranks, nodes=1):
        self.place, self.ranks, self.nodes = Path(place), ranks, nodes
        self.folder, self.notes, self.scratch = self.place / "run", self.place / "notes", self.place / "scratch"
        self.announced = 0  # what the next start may count on
        self.ranks_changed = False
        self.folder.mkdir(parents=True)

    def cadence(self):
        if self.nodes == 1:
            return [f"checkpoint.save_interval={SAVE_INTERVAL}"]
        return [f"checkpoint.save_interval={SHARED_INTERVAL_BESIDE_LOCAL}", f"checkpoint.local_save_interval={SAVE_INTERVAL}"]

    def local_folders(self, node):
        """A node's checkpoints, newest first."""
        return sorted((self.folder / "nodes" / f"node{node}").glob("dfm_checkpoints_*/iter_*[0-9]"), reverse=True)

    def environment(self):
        return {**ENVIRONMENT, **mpi_files_in(self.scratch), "TMPDIR": str(self.scratch)}

    def start(self, environment=None, words=()):
        for old in (self.notes, self.scratch):  # the latter with what a killed launcher left
            shutil.rmtree(old, ignore_errors=True)
        self.scratch.mkdir()
        (self.notes / "kept").mkdir(parents=True)
        return Run(self, environment or {}, words)

    def change_ranks(self, ranks):
        """From the next start on, as when a job gets other nodes."""
        self.ranks_changed = self.ranks_changed or ranks != self.ranks
        self.ranks = ranks

    def losses(self):
        """By step; of steps that were taken twice, the last."""
        lines = filter(None, map(record, (self.folder / "metrics.jsonl").read_bytes().splitlines()))
        return {line["iteration"]: line["loss"] for line in lines if line["kind"] == "train"}

    def struck(self):
        return (self.notes / "log").exists()

    def journal(self):
        journal = self.notes / "journal"
        return journal.read_text() if journal.exists() else ""

    def checkpoints(self):
        """Steps with a manifest that the pointer file does not hold back, newest first."""
        found = [int(path.parent.name[5:]) for path in self.folder.glob("iter_*/manifest.json")
                 if path.parent.name[5:].isdigit()]
        pointer = self.folder / "latest_checkpointed_iteration.txt"
        text = pointer.read_text(errors="replace").strip() if pointer.exists() else ""
        newest = int(text) if text.isascii() and text.isdigit() else max(found, default=0)
        return sorted((step for step in found if step <= newest), reverse=True)

    def require_documented(self, outcome, codes):
        if outcome.code not in codes:
            raise Violation(f"code {outcome.code}, expected one of {sorted(codes - {UNKNOWN})}\n{outcome.printed[-3000:]}")
        if CRASH.search(outcome.printed):
            raise Violation(f"a crash trace:\n{outcome.printed[-3000:]}")
        if outcome.code in DOCUMENTED - {0, 75} and "error:" not in outcome.printed:
            raise Violation(f"code {outcome.code} without a message\n{outcome.printed[-3000:]}")

    def require_no_lost_step(self, outcome):
        """Called for every start: it goes on where an earlier one promised, and its own promises count from here on."""
        started = re.search(r"iteration +\d+/", outcome.printed)
        step = outcome.resumed_at if outcome.resumed_at is not None else 0 if started else self.announced
        if step < self.announced:
            raise Violation(f"resumed at {step} although {self.announced} was announced\n{outcome.printed[-3000:]}")
        self.announced = max([self.announced, *outcome.announced])

    def finish(self):
        """Without a fault to the end; nothing temporary may be left."""
        outcome = self.start().end()
        self.require_documented(outcome, {0})
        self.require_no_lost_step(outcome)
        left = [path for path in self.folder.rglob("*") if path.name.startswith(".") or path.suffix in (".tmp", ".partial")]
        if left:
            raise Violation(f"temporary files are left: {left}")
        return final_weights(self.folder)


def require_same_bits(expected, actual):
    if expected.keys() != actual.keys() or not expected:
        raise Violation(f"other tensors at the end: {sorted(expected.keys() ^ actual.keys())}")
    for key, values in expected.items():
        if not np.array_equal(values, actual[key]):
            raise Violation(f"{key} has other values at the end: a silently wrong resume")


def require_same_losses(expected, actual):
    if STEPS not in actual:
        raise Violation(f"no loss of the last step, {STEPS}")
    for step, loss in expected.items():  # a power failure takes lines of metrics.jsonl with it
        if abs(actual.get(step, loss) - loss) > LOSS_TOLERANCE * abs(loss):
            raise Violation(f"step {step} has loss {actual[step]} instead of {loss}: a silently wrong resume")


def require_close(expected, actual):
    if expected.keys() != actual.keys() or not expected:
        raise Violation(f"other tensors at the end: {sorted(expected.keys() ^ actual.keys())}")
    for key, values in expected.items():
        distance = np.linalg.norm(values - actual[key])
        if distance > WEIGHT_TOLERANCE * np.linalg.norm(values):
            raise Violation(f"{key} is {distance} away from what it should be: a silently wrong resume")
