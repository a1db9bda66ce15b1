"""An installation that was moved, and commands that cannot see the source and build folders."""

import contextlib
import fcntl
import os
import re
import subprocess

import pytest

from conftest import BIN, ENVIRONMENT, ROOT, TINY

BUILD = BIN.parent
# Where the source, the build and what tools/bootstrap unpacked really lie.
FOLDERS = [ROOT, BUILD.resolve(), (ROOT / ".deps").resolve()]
PLACES_OF_THE_BUILD = [str(place) for place in FOLDERS if not any(other in place.parents for other in FOLDERS)]
TIMEOUT_SECONDS = 300


def variable(name):
    """A variable of the build folder's CMake cache."""
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    return found[1] if found else ""


def version():
    return re.search(r"project\(dfm VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


class Installation:
    def __init__(self, prefix):
        self.prefix = prefix
        # Lmod removes what stands twice in a PATH.
        path = dict.fromkeys(os.environ["PATH"].split(":"))
        self.plain = {"PATH": ":".join(path), "HOME": str(prefix.parent), "LANG": "C.UTF-8", "TERM": "dumb",
                      **{k: v for k, v in ENVIRONMENT.items() if k.startswith(("OMP", "TMP", "LIBTORCH"))}}
        self.env = {**self.plain, "PATH": f"{prefix}/bin:{self.plain['PATH']}"}

    def run(self, *words, code=0, env=None, cwd=None):
        done = subprocess.run([*map(str, words)], env={**self.env, **(env or {})}, cwd=cwd or self.prefix.parent,
                              capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        assert done.returncode == code, f"code {done.returncode} instead of {code}\n{done.stdout}\n{done.stderr}"
        return done

    def run_alone(self, *words, **more):
        """The same where the source and the build folder are hidden behind empty ones."""
        hide = "; ".join(f"mount -t tmpfs none '{place}'" for place in PLACES_OF_THE_BUILD)
        return self.run(*mount_namespace(), "bash", "-c", f'set -e; {hide}; exec "$@"', "-", *words, **more)


def run_whole_chain(step, pictures, folder):
    """All five programs; step(program, words ...) runs one in the folder."""
    step("dfm_prepare", pictures, "shards", "--height", 32, "--width", 32)
    step("dfm_index", "shards")
    step("dfm_train", "--recipe", "dit_s", *TINY, "dataset.path=shards", "checkpoint.save=run", "train.train_iters=2")
    step("dfm_consolidate", "run", "weights.safetensors")
    step("dfm_sample", "weights.safetensors", "--prompt", "a red picture", "--height", 32, "--width", 32, "--num-steps", 2,
         "--output", "samples")
    assert (folder / "samples/contact_sheet.png").stat().st_size > 0


def mount_namespace():
    """The words that give a command mounts of its own: as root, or as a user where the kernel lets users."""
    for words in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            return words
    pytest.skip("needs mount namespaces (unshare --mount)")


@contextlib.contextmanager
def the_build_alone():
    """While other workers of pytest neither install nor bundle: the build remembers the last time alone."""
    with open(BUILD / "tests_install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_install(folder):
    """An installation in a folder that it was not installed to."""
    first, moved = folder / "first", folder / "moved here"
    with the_build_alone():
        subprocess.run(["make", "-s", "-C", ROOT, "install", f"PREFIX={first}", f"BUILD={os.path.relpath(BUILD, ROOT)}"],
                       env=ENVIRONMENT, check=True, timeout=TIMEOUT_SECONDS)
    first.rename(moved)
    return Installation(moved)
