"""dfm-gpu-check, on the CPU with small models: that it runs what it says, compares, goes on, and tells."""

import json
import shutil
import subprocess

import pytest

from conftest import ENVIRONMENT, ROOT, BIN

CHECK = ROOT / "share/gpu_check/dfm-gpu-check"


def check(folder, *words, code=0, **env):
    done = subprocess.run([CHECK, "--device", "cpu", "--quick", "--patience", "10", "--minutes", "60", "--output", folder, *words],
                          env={**ENVIRONMENT, "DFM_BIN_DIR": str(BIN), **env}, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    result = json.loads((folder / "gpu_check.json").read_text())
    return {(row["step"], row["name"]): row for row in result["rows"]}, result["figures"], done.stdout


def plan_figure(plan, name):
    """Wherever in the plan it stands."""
    inner = [plan_figure(value, name) for value in plan.values() if isinstance(value, dict)]
    return plan.get(name, next((found for found in inner if found is not None), None))


def test_resuming_is_compared_to_the_bit_and_a_benchmark_measures(tmp_path):
    rows, figures, printed = check(tmp_path, "--only", "resume,bench", "--shapes", "dit_s_256")
    assert rows["resume", "stopped and resumed"]["state"] == "ok"
    assert "bits" in rows["resume", "the same run twice"]["note"]
    (figure,) = [each for each in figures if each["step"] == "bench"]
    assert figure["layers"] == 2 and figure["tokens_per_second"] == pytest.approx(256 / figure["step_seconds"], rel=0.01)
    plan = json.loads((tmp_path / "plans/dit_s_256.2").read_text())
    assert figure["tflops_true"] == pytest.approx(figure["tokens_per_second"] * plan_figure(plan, "flops_per_token_true") / 1e12, abs=0.06)
    assert "0 failed" in printed


def test_a_program_that_trains_otherwise_is_found_out_and_the_check_goes_on(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    # Of every second start the learning rate is another.
    (programs / "dfm_train").write_text(f"""#!/bin/bash
echo x >> {tmp_path}/starts
exec {BIN}/dfm_train "$@" optimizer.lr=1e-$((3 + $(wc -l < {tmp_path}/starts) % 2))
""")
    (programs / "cuda_kernels").write_text("#!/bin/sh\necho 'error: a library is missing'; exit 127\n")
    for program in ("dfm_train", "cuda_kernels"):
        (programs / program).chmod(0o755)
    (programs / "dfm_consolidate").symlink_to(BIN / "dfm_consolidate")
    rows, _, printed = check(tmp_path / "out", "--only", "resume,kernels", code=1, DFM_BIN_DIR=str(programs))
    assert rows["resume", "the same run twice"]["state"] == "FAILED" and "losses differ" in printed
    assert rows["kernels", "all"]["state"] == "FAILED" and "a library is missing" in rows["kernels", "all"]["note"]


@pytest.mark.parametrize("words, says", [(["--fast"], "unknown option '--fast'"), (["--only"], "--only needs a value"),
                                         (["--only", "machine,speed"], "there is no step 'speed'")])
def test_options_it_does_not_know_are_refused(tmp_path, words, says):
    done = subprocess.run([CHECK, "--output", tmp_path, *words], capture_output=True, text=True)
    assert done.returncode == 2 and says in done.stderr and done.stdout == ""


def test_it_tells_its_options():
    assert "dfm-gpu-check --quick" in subprocess.run([CHECK, "--help"], capture_output=True, text=True).stdout


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck")
def test_its_scripts_are_sound():
    done = subprocess.run(["shellcheck", CHECK, *CHECK.parent.glob("*.sh"), ROOT / "tools/bundle", ROOT / "share/bundle/dfm_env"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
