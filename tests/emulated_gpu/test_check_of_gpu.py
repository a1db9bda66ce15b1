"""dfm-gpu-check on an emulated GPU: that it finds it and asks it for what it says."""

import json
import subprocess

from conftest import ENVIRONMENT, ROOT
from emulated import FOLDER, GPUS


def test_layouts_that_share_a_gpu_pass_the_check(tmp_path):
    done = subprocess.run([ROOT / "share/gpu_check/dfm-gpu-check", "--quick", "--only", "layouts", "--patience", "10",
                           "--output", tmp_path], capture_output=True, text=True,
                          env={**ENVIRONMENT, **GPUS, "DFM_EMULATED_GPUS": "1", "DFM_BIN_DIR": str(FOLDER / "bin")})
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "gpu_check.json").read_text())["rows"]
    assert [row["state"] for row in rows] == ["ok", "ok"]
    log = (tmp_path / "runs/layout_TP2_CP2/log").read_text()
    assert "computing on Emulated GPU" in log and "through the host" in log
