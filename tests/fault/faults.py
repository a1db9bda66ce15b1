"""The kinds of faults. Each is drawn from a random generator for a life and a moment, and says what may follow.

A fault has: words that describe it; damage(life) before the start; environment for the shim; disturb(run) while it runs,
which returns whether it was in time; codes that the program may end with.
"""

import errno
import shutil
import signal
import time
from dataclasses import dataclass, field

from life import SHIM
from power_loss import lose_power

MPIRUN_KILLED_RANK = 128 + signal.SIGKILL
KILLED = {-signal.SIGKILL, MPIRUN_KILLED_RANK}
ENDS_BY_ITSELF = {0, 75}
STORAGE = 4
NO_CHECKPOINT = 5
HANG = 6
LONGEST_START_SECONDS = 1.2
HANG_LIMITS = {"startup": 20, "step": 6, "save": 6}  # more than anything takes on a busy machine


@dataclass
class Fault:
    words: str
    codes: set
    environment: dict = field(default_factory=dict)
    disturb: object = None        # run -> bool
    damage: object = None         # life -> None
    options: list = field(default_factory=list)  # more words on the command line
    loses_power: bool = False
    damaged_step: int | None = None  # the checkpoint that it makes useless


def rule(calls, pattern, first, count, rank, action):
    return {"DFM_FAULT": f"{calls}|{pattern}|{first}|{count}|{rank}|{action}"}


FOREVER = ANY_RANK = -1


def below(root, calls, pattern, action, first=1, count=FOREVER, rank=ANY_RANK, log=None):
    """The environment of a program that meets a fault in a folder; the log tells what it struck."""
    return {"LD_PRELOAD": str(SHIM), "DFM_FAULT_ROOT": str(root), **rule(calls, pattern, first, count, rank, action),
            **({"DFM_FAULT_LOG": str(log)} if log else {})}


# Killing, at any time or at the n-th call that changes a file.

def at_random_time(chance, act):
    delay = chance.uniform(0, LONGEST_START_SECONDS)

    def disturb(run):
        if not run.wait_until_started():
            return False
        time.sleep(delay)
        return act(run)
    return disturb, f"after {delay:.3f} s"


def kill_one_rank(chance, life):
    rank = chance.randrange(life.ranks)
    disturb, moment = at_random_time(chance, lambda run: run.send(run.pids()[rank:rank + 1], signal.SIGKILL))
    return Fault(f"kill -9 of rank {rank} {moment}", KILLED | ENDS_BY_ITSELF, disturb=disturb)


def kill_all_ranks(chance, life):
    disturb, moment = at_random_time(chance, lambda run: run.kill_everything())
    return Fault(f"kill -9 of everything {moment}", KILLED | ENDS_BY_ITSELF, disturb=disturb)


def power_failure(chance, life):
    disturb, moment = at_random_time(chance, lambda run: run.kill_everything())
    return Fault(f"power failure {moment}", KILLED | ENDS_BY_ITSELF, disturb=disturb, loses_power=True)


CHANGES = "cwsnumt"
CHECKPOINT_FILES = ["*/iter_*", "*rank_*", "*manifest*", "*latest_checkpointed_iteration*"]


def change_of_checkpoint(chance, life, action, calls=CHANGES, count=1, among=200):
    """A rule for one of the next changes: small numbers more often, so that early and late ones are all hit."""
    first = int(among ** chance.random())
    rank = chance.randrange(life.ranks)
    pattern = chance.choice(CHECKPOINT_FILES)
    return rule(calls, pattern, first, count, rank, action), f"at change {first} ({calls}) of {pattern} on rank {rank}"


def kill_in_save(chance, life):
    environment, moment = change_of_checkpoint(chance, life, "kill")
    return Fault(f"kill -9 {moment}", KILLED, environment)


def power_failure_in_save(chance, life):
    environment, moment = change_of_checkpoint(chance, life, "power")
    return Fault(f"power failure {moment}", KILLED, environment, loses_power=True)


# File systems that fail.

def failing_call(chance, life, calls, number, among, count):
    environment, moment = change_of_checkpoint(chance, life, f"errno {number}", calls, count, among)
    name = f"{errno.errorcode[number]} {'for ever from there' if count < 0 else f'{count} times'}"
    return Fault(f"{name} {moment}", {STORAGE} | ENDS_BY_ITSELF, environment)


def failed_flush(chance, life):
    return failing_call(chance, life, "s", errno.EIO, 12, chance.choice([1, 2, -1]))


def failed_write(chance, life):
    return failing_call(chance, life, "cwn", errno.EIO, 80, chance.choice([1, 2, -1]))


def full_disk(chance, life):
    return failing_call(chance, life, "cwm", errno.ENOSPC, 80, -1)


def quota_used_up(chance, life):
    return failing_call(chance, life, "cwm", errno.EDQUOT, 80, -1)


def read_only(chance, life):
    return failing_call(chance, life, "cnumt", errno.EROFS, 6, -1)


def short_calls(chance, life):
    environment = rule("wr", "*", 1, -1, -1, "short")
    return Fault("every write and read is cut short", ENDS_BY_ITSELF, environment)


def failed_read(chance, life):
    """Reading a checkpoint fails once or twice and then works: no reason to go back."""
    count = chance.choice([1, 2])
    step = life.checkpoints()[0]
    environment = rule(chance.choice(["o", "r"]), f"*/iter_{step:07}/*", int(8 ** chance.random()), count,
                       chance.randrange(life.ranks), f"errno {errno.EIO}")
    return Fault(f"EIO {count} times while loading ({environment['DFM_FAULT']})", {STORAGE} | ENDS_BY_ITSELF, environment)


def unreadable(chance, life):
    step = life.checkpoints()[0]
    environment = rule(chance.choice(["o", "r"]), f"*/iter_{step:07}/*", 1, -1, -1, f"errno {errno.EIO}")
    return Fault(f"iteration {step} cannot be read", {STORAGE, NO_CHECKPOINT} | ENDS_BY_ITSELF, environment,
                 damaged_step=step)


# Damage to what was saved.

def files_of(life, step):
    return sorted(path for path in (life.folder / f"iter_{step:07}").iterdir() if path.is_file())


def flip_a_bit(path, chance):
    content = bytearray(path.read_bytes())
    position = chance.randrange(len(content))
    content[position] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut_off(path, chance):
    path.write_bytes(path.read_bytes()[:chance.randrange(path.stat().st_size)])


def zero_a_block(path, chance):
    content = bytearray(path.read_bytes())
    begin = chance.randrange(len(content))
    block = content[begin:begin + 4096]
    content[begin:begin + 4096] = bytes(255 - byte for byte in block) if not any(block) else bytes(len(block))
    path.write_bytes(content)


def delete(path, chance):
    path.unlink()


def damage_newest(chance, life, harm):
    step = life.checkpoints()[0]
    path = chance.choice(files_of(life, step))
    useless = step
    return Fault(f"{harm.__name__} in {path.name} of iteration {step}", {NO_CHECKPOINT} | ENDS_BY_ITSELF,
                 damage=lambda _: harm(path, chance), damaged_step=useless)


def bit_flip(chance, life):
    return damage_newest(chance, life, flip_a_bit)


def lost_bytes(chance, life):
    return damage_newest(chance, life, chance.choice([cut_off, zero_a_block, delete]))


def damaged_pointer(chance, life):
    """The pointer is a file that users edit: a number that a flip made smaller is theirs to correct."""
    path = life.folder / "latest_checkpointed_iteration.txt"
    if not path.exists():  # deleted by an earlier fault, and nothing was saved since
        return bit_flip(chance, life)
    harm = chance.choice([flip_a_bit, flip_a_bit, cut_off, delete])
    return Fault(f"{harm.__name__} in the pointer file", {NO_CHECKPOINT} | ENDS_BY_ITSELF,
                 damage=lambda _: harm(path, chance), damaged_step=life.checkpoints()[0])


# Nodes, whose partner has what they lose: no announced step may be lost.

def lost_node(chance, life):
    node = chance.randrange(life.nodes)
    return Fault(f"node {node} loses its disk", ENDS_BY_ITSELF,
                 damage=lambda _: shutil.rmtree(life.folder / "nodes" / f"node{node}"))


def damaged_node(chance, life):
    folder = life.local_folders(chance.randrange(life.nodes))[0]
    path = chance.choice(sorted(path for path in folder.iterdir() if path.is_file()))
    harm = chance.choice([flip_a_bit, flip_a_bit, cut_off, delete])
    return Fault(f"{harm.__name__} in {path.name} of {folder.name} on a node", ENDS_BY_ITSELF,
                 damage=lambda _: harm(path, chance))


# Processes and clocks.

def stopped_rank(chance, life):
    rank, pause = chance.randrange(life.ranks), chance.uniform(0.1, 0.8)

    def act(run):
        pids = run.pids()[rank:rank + 1]
        stopped = run.send(pids, signal.SIGSTOP)
        time.sleep(pause)
        run.send(pids, signal.SIGCONT)
        return stopped
    disturb, moment = at_random_time(chance, act)
    return Fault(f"rank {rank} stopped {moment} for {pause:.3f} s", ENDS_BY_ITSELF, disturb=disturb)


def hung_rank(chance, life):
    """Stopped for good: the watchdog of the others ends the job. (Nobody watches before MPI is up.)"""
    rank = chance.randrange(life.ranks)

    def act(run):
        while run.process.poll() is None and "parameters;" not in run.text():
            time.sleep(0.005)
        return run.send(run.pids()[rank:rank + 1], signal.SIGSTOP)
    disturb, moment = at_random_time(chance, act)
    limits = [f"watchdog.{phase}_limit_seconds={seconds}" for phase, seconds in HANG_LIMITS.items()]
    return Fault(f"rank {rank} stopped for good {moment}", {HANG} | ENDS_BY_ITSELF, disturb=disturb, options=limits)


def clock_jump(chance, life):
    seconds = chance.choice([-1, 1]) * chance.choice([1, 3600, 86400, 400 * 86400])
    after = chance.uniform(0, LONGEST_START_SECONDS)
    return Fault(f"the clock jumps by {seconds} s after {after:.3f} s", ENDS_BY_ITSELF,
                 {"DFM_FAULT_CLOCK": f"{after}:{seconds}"}, disturb=lambda run: True)


STOP_SIGNALS = [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


def stop_signal(chance, life):
    rank, number = chance.randrange(life.ranks), chance.choice(STOP_SIGNALS)
    disturb, moment = at_random_time(chance, lambda run: run.send(run.pids()[rank:rank + 1], number))
    return Fault(f"{number.name} to rank {rank} {moment}", ENDS_BY_ITSELF, disturb=disturb)


def two_signals(chance, life):
    numbers, pause = [chance.choice(STOP_SIGNALS) for _ in range(2)], chance.choice([0, chance.uniform(0, 0.2)])

    def act(run):
        first = run.send(run.pids(), numbers[0])
        time.sleep(pause)
        run.send(run.pids(), numbers[1])
        return first
    disturb, moment = at_random_time(chance, act)
    return Fault(f"{numbers[0].name} and {numbers[1].name} to all {moment}", ENDS_BY_ITSELF, disturb=disturb)


NEEDS_NOTHING = [kill_one_rank, kill_all_ranks, kill_in_save, kill_in_save, power_failure, power_failure_in_save,
                 power_failure_in_save, failed_flush, failed_write, full_disk, quota_used_up, read_only, short_calls,
                 stopped_rank, clock_jump, stop_signal, two_signals]
NEEDS_A_CHECKPOINT = [bit_flip, bit_flip, lost_bytes, damaged_pointer, failed_read, unreadable]


NEEDS_OTHER_RANKS = [hung_rank]
NEEDS_NODES = [lost_node, damaged_node, damaged_node]


def draw(chance, life):
    kinds = [*NEEDS_NOTHING, *(NEEDS_A_CHECKPOINT if life.checkpoints() else []),
             *(NEEDS_OTHER_RANKS if life.ranks > 1 else []),
             *(NEEDS_NODES if life.nodes > 1 and all(map(life.local_folders, range(life.nodes))) else [])]
    kind = chance.choice(kinds)
    return kind.__name__, kind(chance, life)


def apply_power_loss(life, chance):
    lose_power(life.journal(), chance)
