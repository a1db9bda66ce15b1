"""Networks of dfm, run by a probe on tensors from here."""

import json
import subprocess

from safetensors.torch import load_file, save_file

from conftest import BIN, ENVIRONMENT


def run_probe(probe, tensors, keys, folder, **metadata):
    """What the probe makes of the tensors with model.* keys."""
    save_file(tensors, folder / "in.safetensors", metadata={"model": json.dumps(keys), **metadata})
    subprocess.run([BIN / probe, folder / "in.safetensors", folder / "out.safetensors"], env=ENVIRONMENT, check=True,
                   timeout=300)
    return load_file(folder / "out.safetensors")


def assert_close(ours, expected):
    """Every tensor within 1e-5 of the other, relative to its norm."""
    assert ours.keys() == expected.keys()
    errors = {name: ((ours[name].double() - value.double()).norm() / value.double().norm().clamp_min(1e-30)).item()
              for name, value in expected.items()}
    assert max(errors.values()) < 1e-5, sorted(errors.items(), key=lambda e: -e[1])[:5]
