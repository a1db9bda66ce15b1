"""Submits jobs/*.sh to the private Slurm and follows what becomes of them."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from conftest import BIN, ENVIRONMENT, ROOT

JOBS = ROOT / "jobs"
# Ranks share two processors here; one that waits gives its own away.
JOB_ENVIRONMENT = {**ENVIRONMENT, "DFM_BIN": str(BIN), "OMPI_MCA_mpi_yield_when_idle": "1", "DFM_STRAGGLER_SECONDS": "10",
                   "DFM_PROBE_SECONDS": "5"}
PATIENCE_SECONDS = 300
CRASHED_TCP = "mca_btl_tcp.so"  # in the trace of a crash
MOST_SUBMISSIONS = 3
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY"}


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s for {what() if callable(what) else what}")


class Job:
    def __init__(self, slurm, template, words, options=(), env=None):
        self.slurm, self.submitted = slurm, 0
        self.request = [*options, JOBS / template, *words], {**JOB_ENVIRONMENT, **(env or {})}
        self.submit()

    def submit(self):
        words, environment = self.request
        self.log = self.slurm.folder / f"job-{time.monotonic_ns()}.out"
        done = self.slurm.run("sbatch", "--parsable", f"--output={self.log}", *words, env=environment)
        assert done.returncode == 0, done.stderr
        self.id = done.stdout.strip()
        self.submitted += 1

    def ended(self):
        """The state it ended with, or nothing. Submitted again where Open MPI 4.1.4 crashed inside MPI_Init, as it does once in
        a while: over TCP a message then finds no receiver yet."""
        state = self.field("JobState")
        if state == "FAILED" and CRASHED_TCP in self.text() and self.submitted < MOST_SUBMISSIONS:
            print(f"submitted again after a crash of Open MPI:\n{self.text()}")
            self.submit()
            return None
        return state in ENDED and state

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def shown(self):
        """What Slurm knows of it. A controller that is just losing a node may leave a question unanswered: it is asked again."""
        def answer():
            try:
                return self.slurm.run("scontrol", "show", "job", self.id, timeout=30)
            except subprocess.TimeoutExpired as silence:
                print(silence)
                return None
        return wait_until(answer, f"Slurm's answer about job {self.id}").stdout

    def described(self, what):
        return f"{what} of job {self.id}:\n{self.shown()}\n{self.text()}"

    def field(self, name):
        words = self.shown().split()
        return next((word.split("=", 1)[1] for word in words if word.startswith(name + "=")), None)

    def wait_until(self, condition, what):
        def holds():
            if CRASHED_TCP in self.text():
                self.ended()
            return condition()
        return wait_until(holds, lambda: self.described(what))

    def wait_for(self, text):
        self.wait_until(lambda: text in self.text(), f"'{text}' in the log")

    def wait_for_end(self):
        """Its last state and its exit code."""
        state = self.wait_until(self.ended, "the end")
        return state, int(self.field("ExitCode").split(":")[0])


def metrics(folder):
    """metrics.jsonl without what differs between equal runs."""
    path = folder / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [{k: v for k, v in json.loads(line).items() if k != "step_seconds"} for line in lines]


def ranks(folder):
    """The processes of a run, on whatever node."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == "dfm_train" and f"checkpoint.save={folder}" in words:
                found.append(int(process.name))
        except OSError:  # gone in the meantime
            continue
    return found


def signal_ranks(folder, number):
    for pid in ranks(folder):
        os.kill(pid, number)


def reach(job, folder, step):
    """Waits until a run has done this many steps."""
    path = folder / "metrics.jsonl"
    job.wait_until(lambda: path.exists() and path.read_text().count('"step_seconds"') >= step, f"step {step}")


def freeze(job, folder, step):
    """Stops the ranks' clock after that step, so that what comes next meets a run in its middle on machines of any speed."""
    reach(job, folder, step)
    signal_ranks(folder, signal.SIGSTOP)


def thaw(folder):
    signal_ranks(folder, signal.SIGCONT)
