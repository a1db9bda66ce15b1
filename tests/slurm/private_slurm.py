"""A Slurm of its own on one machine: several nodes with host names and local disks of their own, and one controller.

Each node lives in namespaces of its own (processes, mounts, host name), so that killing its first process is what losing
its power would be. Everything hangs on the process that started it: when that ends, however it ends, all of it is killed.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ["slurmctld", "slurmd", "munged", "srun", "sbatch", "unshare", "setpriv"]
START_SECONDS = 60

# A job that is requeued waits until its credential has expired. A dead node is noticed after SlurmdTimeout. PMIx keeps
# files in TmpFS, where two nodes would meet in /tmp.
CONFIGURATION = """
ClusterName=dfm{controller_port}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
TmpFS={folder}/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=20
MinJobAge=3600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=DEFAULT CPUs=8 RealMemory=4000 State=UNKNOWN
{nodes}
PartitionName=DEFAULT MaxTime=INFINITE State=UP Nodes=ALL
PartitionName=main Default=YES PriorityTier=1 PreemptMode=OFF
PartitionName=low PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=high PriorityTier=10 PreemptMode=OFF
"""


def why_not():
    """Why Slurm cannot be started here; empty where it can."""
    if os.geteuid() != 0:
        return "needs root, for nodes with host names and disks of their own"
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    missing = [program for program in PROGRAMS if not shutil.which(program, path=environment["PATH"])]
    if missing:
        return f"{', '.join(missing)} not found: tools/bootstrap test installs Slurm where apt can"
    tried = subprocess.run(["unshare", *UNSHARE, "true"], capture_output=True, text=True)
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode != 0 else ""


UNSHARE = ["--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class PrivateSlurm:
    """with PrivateSlurm(folder, nodes=2) as slurm: slurm.run("sinfo") ..."""

    def __init__(self, folder, nodes):
        self.folder = Path(folder)
        self.nodes = [f"n{i}" for i in range(nodes)]
        self.processes = {}
        controller_port, *ports = free_ports(1 + nodes)
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"),
                            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=socket.gethostname(), folder=self.folder, controller_port=controller_port,
            nodes="\n".join(f"NodeName={name} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port}"
                            for name, port in zip(self.nodes, ports))))

    def __enter__(self):
        try:
            self._start_munge()
            for name in ["state", "local"]:
                (self.folder / name).mkdir()
            self._start("slurmctld", ["slurmctld", "-D", "-i"])
            for node in self.nodes:
                self.start_node(node)
            self.wait_for_nodes(self.nodes)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self, name, words):
        # setpriv: killed with the thread that started it.
        self.processes[name] = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], env=self.environment,
                                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=open(self.folder / f"{name}.stderr", "a"))

    def _start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._start("munged", ["munged", "-F", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                               f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
                               f"--seed-file={self.folder}/munged.seed"])

    def start_node(self, node):
        """Or starts it again, after it was killed."""
        for name in [f"spool-{node}", f"tmp-{node}", f"local-{node}"]:
            (self.folder / name).mkdir(exist_ok=True)
        script = f"hostname {node} && mount --bind {self.folder}/local-{node} {self.local} && exec slurmd -D -N {node}"
        self._start(node, ["unshare", *UNSHARE, "sh", "-c", script])

    @property
    def local(self):
        """The node-local disk: the same path on every node, another folder on each."""
        return self.folder / "local"

    def kill_node(self, node):
        """Its daemon, and all that ran there, at once."""
        process = self.processes.pop(node)
        process.kill()
        process.wait()

    def wait_for_nodes(self, nodes, state="idle"):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            done = subprocess.run(["sinfo", "-h", "-N", "-n", ",".join(nodes), "-p", "main", "-o", "%N %T"], env=self.environment,
                                  capture_output=True, text=True)
            found = dict(line.split() for line in done.stdout.splitlines())
            if found == dict.fromkeys(nodes, state):
                return
            time.sleep(0.1)
        raise RuntimeError(f"nodes are not {state}: {done.stdout}{done.stderr}; logs are in {self.folder}")

    def stop(self):
        for process in reversed(self.processes.values()):
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def run(self, *words, env=None, timeout=180):
        return subprocess.run(list(map(str, words)), env={**self.environment, **(env or {})}, capture_output=True, text=True,
                              timeout=timeout)
