"""Metadatasets against the real Megatron-Energon: the same folders in the same shares, and what both refuse."""

import subprocess

import pytest
from megatron.energon import WorkerConfig
from megatron.energon.metadataset.loader import load_dataset

from conftest import BIN
from energon_archives import files, packed
from energon_peer import indexed, TOOL
from test_tar_scanner import unhexed

V2 = "__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n"
V1 = "__module__: megatron.energon\n__class__: Metadataset\nsplits:\n"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three indexed folders of 40, 12 and 30 samples for training; each has a split `val` of a shard, too."""
    root = tmp_path_factory.mktemp("blends")
    for name, shards, samples in (("a", 4, 10), ("b", 3, 4), ("deep/c", 5, 6)):
        (root / name).mkdir(parents=True)
        for shard in range(shards + 1):
            (root / name / f"s-{shard}.tar").write_bytes(packed(files(100 * shard, samples)))
        indexed(root / name, f"index.split_ratio={shards},1,0")
        (root / name / ".nv-meta/other.yaml").write_text("split_parts:\n  train: [s-1.tar]\n")
    return root


BLENDS = {
    "weights": V2 + "  train:\n    blend:\n      - {path: a, weight: 3}\n      - {path: ./b/, weight: 1}\n      - path: deep/c\n",
    "repetitions": V2 + "  train:\n    blend_epochized:\n      - {path: a, repetitions: 2}\n      - {path: b, repetitions: 0.5}\n      - path: deep/c\n",
    "one folder": V2 + "  train: {path: a, split_part: val}\n",
    "version 1": V1 + "  train:\n    datasets:\n      - {path: a, weight: 2, subflavor: old, subflavors: {k: 1}}\n      - {path: b, split_part: val}\n",
    "no class": "splits:\n  train:\n    datasets:\n      - path: a\n",
    "subflavors": V2 + "  train:\n    blend:\n      - {path: a, subflavors: {x: inner, y: '2', z: true}}\n      - {path: b, subflavors: {}}\n",
    "subsets": V2 + "  train:\n    blend:\n      - {path: a, subset: {range: [25%, 75%]}}\n      - {path: b, subset: {range: [3, end]}}\n"
                    "      - {path: deep/c, subset: {range: [7, 19]}}\n    subset: {range: [10%, 60%]}\n",
    "split file": V2 + "  train:\n    blend:\n      - {path: a, split_config: other.yaml}\n      - path: b\n",
    "twice the same": V2 + "  train:\n    blend:\n      - {path: a, weight: 1}\n      - {path: a, weight: 2, split_part: val}\n      - path: a\n",
    "nested weights": V2 + "  train:\n    blend:\n      - {path: a, weight: 5}\n      - {path: inner.yaml, weight: 3, split_part: val, "
                           "subflavors: {y: outer, w: outer}, subset: {range: [0%, 50%]}}\n",
    "nested repetitions": V2 + "  train:\n    blend_epochized:\n      - {path: a, repetitions: 3}\n      - {path: epochized.yaml, repetitions: 1.5}\n",
}
INNER = V2 + ("  val:\n    blend:\n      - {path: b, weight: 1, subflavors: {x: inner, y: inner}}\n"
              "      - {path: deep/c, weight: 4, split_part: train, subset: {range: [20%, 80%]}}\n")
EPOCHIZED = V2 + "  train:\n    blend_epochized:\n      - {path: b, repetitions: 2}\n      - {path: deep/c, split_part: val}\n"


def blend_of_energon(file):
    config = WorkerConfig(rank=0, world_size=1, num_workers=0)
    loaded = load_dataset(file).get_datasets(training=True, split_part="train", worker_config=config)
    parts = []
    for each in loaded.datasets:
        dataset = each.dataset
        total = sum(dataset.shards[i].count for i in range(len(dataset.shards)))
        begin, end = dataset.subset.compute_subset(total) if dataset.subset else (0, total)
        parts.append((str(dataset.path), "".join(f"{name}," for name in dataset.split_part_files), each.weight or 1, each.repetitions or 1, begin, end,
                      {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in (dataset.subflavors or {}).items()}))
    return parts


def blend_of_dfm(file):
    done = subprocess.run([TOOL, "blend", file, "train"], capture_output=True, text=True, check=True)
    parts = []
    for line in done.stdout.splitlines():
        path, shards, weight, repetitions, begin, end, *flavors = line.split(" ")
        parts.append((unhexed(path), unhexed(shards), float(weight), float(repetitions), int(begin), int(end),
                      {unhexed(k): unhexed(v) for k, v in (flavor.split("=") for flavor in flavors)}))
    return parts


@pytest.mark.parametrize("name", BLENDS)
def test_the_folders_and_their_shares_are_those_of_energon(folders, name):
    (folders / "inner.yaml").write_text(INNER)
    (folders / "epochized.yaml").write_text(EPOCHIZED)
    file = folders / "blend.yaml"
    file.write_text(BLENDS[name])
    ours, theirs = blend_of_dfm(file), blend_of_energon(file)
    assert [part[:2] + part[3:] for part in ours] == [part[:2] + part[3:] for part in theirs]
    assert [part[2] for part in ours] == pytest.approx([part[2] for part in theirs], rel=1e-12)


REFUSED = {
    "mixed kinds": V2 + "  train:\n    blend:\n      - {path: epochized.yaml}\n",
    "unknown key": V2 + "  train:\n    blend:\n      - {path: a, wieght: 1}\n",
    "missing folder": V2 + "  train: {path: missing}\n",
    "missing split": V2 + "  val: {path: a}\n",
    "absolute subset of a metadataset": V2 + "  train: {path: inner.yaml, split_part: val, subset: {range: [0, 2]}}\n",
    "subset that is too long": V2 + "  train: {path: b, subset: {range: [0, 99]}}\n",
    "no split of that name": V2 + "  train: {path: a, split_part: holdout}\n",
    "empty split": V2 + "  train: {path: a, split_part: test}\n",
    "not a metadataset": "- a\n- b\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_energon_refuses_is_refused_with_a_remedy(folders, name):
    (folders / "inner.yaml").write_text(INNER)
    (folders / "epochized.yaml").write_text(EPOCHIZED)
    file = folders / "refused.yaml"
    file.write_text(REFUSED[name])
    with pytest.raises(Exception):
        blend_of_energon(file)
    done = subprocess.run([TOOL, "blend", file, "train"], capture_output=True, text=True)
    assert done.returncode == 3, done.stdout
    assert len(done.stderr.strip().splitlines()) == 2, done.stderr  # what is wrong, and the remedy
