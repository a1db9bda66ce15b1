"""The library that plays faults must not be one."""

import subprocess
import sys

from conftest import ENVIRONMENT
from life import SHIM

# Threads read files while variables are set, as Open MPI's do while it starts.
READS_BESIDE_SETTING_VARIABLES = """
import os, threading
goes_on, inlet = True, os.open("/dev/zero", os.O_RDONLY)
def read():
    while goes_on:
        os.pread(inlet, 1, 0)
threads = [threading.Thread(target=read) for _ in range(2)]
for thread in threads: thread.start()
for i in range(6000): os.putenv(f"NAME{i}", "x")
goes_on = False
for thread in threads: thread.join()
"""


def test_variables_may_be_set_while_threads_read():
    environment = {**ENVIRONMENT, "LD_PRELOAD": str(SHIM)}
    done = subprocess.run([sys.executable, "-c", READS_BESIDE_SETTING_VARIABLES], env=environment, timeout=60)
    assert done.returncode == 0
