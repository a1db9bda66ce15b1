"""What a training run leaves in its folder, as tests compare it."""

import json

import h5py
import numpy as np

TIMES = {"step_seconds"}


def losses(folder):
    """metrics.jsonl without what differs between equal runs."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def tensors(checkpoint):
    """Every piece of every rank file, by rank and name."""
    found = {}
    for path in sorted(checkpoint.glob("rank_*.h5")):
        with h5py.File(path) as file:
            for kind in file:
                for name in file[kind]:
                    found[path.name, kind, name] = file[kind][name][()]
    return found


def assert_same_bits(a, b):
    assert a.keys() == b.keys() and len(a) > 0
    for key in a:
        assert np.array_equal(a[key], b[key]), key
