"""make install: what lies where, and that the installation lives without the folders that it was built in."""

import os
import re
import subprocess

import pytest

from conftest import ENVIRONMENT, ROOT, TINY_MOCK
from installation import BUILD, PLACES_OF_THE_BUILD, run_whole_chain, the_build_alone, version

HAS_CUDA = (BUILD / "lib/dfm/libdfm_cuda.so").exists()
PROGRAMS = ["dfm_prepare", "dfm_index", "dfm_train", "dfm_consolidate", "dfm_sample"]


def test_everything_is_in_its_place(installed):
    expected = [*(f"bin/{p}" for p in PROGRAMS), *(f"share/man/man1/{p}.1" for p in PROGRAMS),
                *(f"share/bash-completion/completions/{p}" for p in PROGRAMS), "share/dfm/recipes/dit_xl.ini",
                "share/dfm/demo/digits.tar.gz", "share/doc/dfm/README.md", "share/doc/dfm/install.md",
                f"share/modulefiles/dfm/{version()}.lua", "lib/cmake/dfm/dfmConfig.cmake", "lib/pkgconfig/dfm.pc",
                "include/dfm/core/error.h", "include/dfm/data/tar/tar_scanner.h", "bin/dfm-gpu-check",
                "share/dfm/gpu_check/peer.py"]
    expected += ["lib/dfm/libdfm_cuda.so", "libexec/cuda_kernels"] if HAS_CUDA else []
    expected += [f"share/dfm/{p.relative_to(ROOT)}" for p in (ROOT / "jobs").rglob("*") if p.is_file()]
    assert [name for name in expected if not (installed.prefix / name).is_file()] == []


def test_no_file_names_the_source_or_the_build_folder(installed):
    # LibTorch's own headers put their names into messages of its checks.
    messages = re.compile(rb"/[\w./-]*/libtorch/include/[\w./-]*")
    wrong = []
    for path in installed.prefix.rglob("*"):
        bundled = path.parent == installed.prefix / "lib/dfm"
        is_test = path in [installed.prefix / "libexec" / name for name in ("cuda_kernels", "attention_bench")]
        if path.is_file() and not bundled and not is_test:  # tests say in which file one failed
            content = messages.sub(b"", path.read_bytes())
            wrong += [f"{path} names {place}" for place in PLACES_OF_THE_BUILD if f"{place}/".encode() in content]
    assert wrong == []


def test_the_five_programs_start_without_the_source_and_the_build(installed):
    for program in PROGRAMS:
        assert installed.run_alone(program, "--version").stdout == f"{program} {version()}\n"
        assert "Usage:" in installed.run_alone(program, "--help").stdout


def test_the_whole_chain_runs_without_the_source_and_the_build(installed, pictures, tmp_path):
    run_whole_chain(lambda *words: installed.run_alone(*words, cwd=tmp_path), pictures, tmp_path)
    # Through a link, as sites put programs into one folder.
    (tmp_path / "link").symlink_to(installed.prefix / "bin/dfm_train")
    assert "recipe dit_s" in installed.run_alone(tmp_path / "link", "--recipe", "dit_s", "--print-config").stdout


@pytest.mark.parametrize("program", ["dfm_index", "dfm_consolidate"])
def test_programs_that_need_no_libtorch_do_not_load_it(installed, program):
    libraries = installed.run("ldd", installed.prefix / "bin" / program).stdout
    assert "libmpi" in libraries and not re.search("torch|libc10|libcuda|libcupti", libraries)


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_program_asks_for_a_library_that_machines_without_gpus_lack(installed, program):
    libraries = installed.run("ldd", installed.prefix / "bin" / program).stdout
    # LibTorch's CPU half itself needs these two, which lie beside it.
    names = {line.split()[0] for line in libraries.splitlines()} - {"libcudart.so.13", "libcupti.so.13"}
    assert not [name for name in names if re.match("lib(cu|nccl|nv|torch_cuda|c10_cuda|dfm_cuda)", name) and "curl" not in name]


def test_the_cuda_half_is_not_loaded_without_a_gpu(installed, tmp_path):
    printed = installed.run("dfm_train", *TINY_MOCK, "train.train_iters=1", "checkpoint.save_interval=0",
                            f"checkpoint.save={tmp_path}", env={"LD_DEBUG": "files"}).stderr
    assert "libtorch_cpu.so" in printed and "libdfm_cuda.so" not in printed and "libtorch_cuda.so" not in printed


@pytest.mark.skipif(not HAS_CUDA, reason="built without nvcc")
def test_the_cuda_half_has_code_for_hopper(installed):
    library = (installed.prefix / "lib/dfm/libdfm_cuda.so").read_bytes()
    assert b"sm_90a" in library or b"compute_90a" in library


def test_no_library_is_missing_or_from_the_build(installed):
    for program in PROGRAMS:
        libraries = installed.run_alone("ldd", installed.prefix / "bin" / program).stdout
        assert "not found" not in libraries
        assert not any(f"{place}/" in libraries for place in PLACES_OF_THE_BUILD)


def test_uninstall_removes_what_install_put_below_destdir(tmp_path):
    env = {**ENVIRONMENT, "DESTDIR": str(tmp_path / "stage")}
    with the_build_alone():
        printed = subprocess.run(["tools/install", BUILD, "/opt/dfm"], cwd=ROOT, env=env, check=True, capture_output=True,
                                 text=True).stdout
        assert (tmp_path / "stage/opt/dfm/bin/dfm_train").is_file() and not os.path.exists("/opt/dfm/bin/dfm_train")
        assert "module use /opt/dfm/share/modulefiles" in printed
        mine = tmp_path / "stage/opt/dfm/share/mine.txt"
        mine.write_text("not dfm's")
        subprocess.run(["tools/uninstall", BUILD], cwd=ROOT, env=env, check=True)
        assert [path for path in (tmp_path / "stage").rglob("*") if path.is_file()] == [mine]
        again = subprocess.run(["tools/uninstall", BUILD], cwd=ROOT, env=env, capture_output=True, text=True)
        assert again.returncode == 2 and "nothing was installed" in again.stderr


def test_a_prefix_that_cannot_be_written_says_what_to_do():
    done = subprocess.run(["tools/install", BUILD, "/proc/dfm"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4 and "make install PREFIX=" in done.stderr


def test_make_help_lists_install():
    assert "make install" in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
