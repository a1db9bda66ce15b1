"""Which shards train and which validate, by dfm_index and by the real Megatron-Energon 7.4."""

import random

import pytest

from energon_archives import DATASETS, files, packed, write_shards
from energon_peer import indexed, prepare, read_by_dfm, read_by_energon, same_files, shards_of


def test_excluded_shards_and_samples_are_left_out_as_energon_does(tmp_path):
    root = write_shards(tmp_path, DATASETS["numbers with gaps"]() | {"s-0200.tar": packed(files(5000, 6))})
    indexed(root, "index.split_ratio=1,0,0")
    split = root / ".nv-meta/split.yaml"
    split.write_text(split.read_text().replace("exclude: []", "exclude:\n- s-{0001..0004}.tar\n- s-0200.tar/0500{0,2,3,5}\n- s-0200.tar/nope\n"))
    samples = read_by_energon(root, "train")
    assert read_by_dfm(root, "train") == samples
    assert len(samples) == 12 - 3 + 2


def test_split_and_dataset_yaml_are_kept_unless_forced(tmp_path):
    root = write_shards(tmp_path, DATASETS["ustar"]())
    indexed(root, "index.split_ratio=8,1,1")
    meta = root / ".nv-meta"
    (meta / "dataset.yaml").write_text("__module__: megatron.energon\n__class__: CrudeWebdataset\nsubflavors: {mine: 1}\n")
    before = {name: (meta / name).read_bytes() for name in ("split.yaml", "dataset.yaml")}
    write_shards(root, {"t-0.tar": packed(files(500, 2))})
    (root / "s-3.tar").unlink()
    text = indexed(root, "index.split_ratio=1,1,1")
    assert {name: (meta / name).read_bytes() for name in before} == before
    assert "1 shards that are not indexed" in text and "1 of 10 shards in no split" in text
    assert "t-0.tar" in shards_of(root) and "s-3.tar" not in shards_of(root)
    indexed(root, "index.split_ratio=1,1,1", "index.force_overwrite=true")
    assert all((meta / name).read_bytes() != before[name] for name in before)


def test_the_last_shard_that_rounding_loses_is_named(tmp_path):
    root = write_shards(tmp_path / "ours", DATASETS["ustar"]())
    text = indexed(root, "index.split_ratio=7,2,1")
    assert "1 of 10 shards in no split" in text and "s-9.tar" in text
    theirs = write_shards(tmp_path / "theirs", DATASETS["ustar"]())
    prepare(theirs, "--split-ratio", "7,2,1")
    same_files(root, theirs)


@pytest.mark.parametrize("ratio", ["0.8,0.1,0.1", "3,2,1", "98,1,1", "1,1,1", "0,0,1", "0.7,0.2,0.1", "1e0,2,3", "0.5,0.2,0.3"])
def test_ratios_cut_where_energon_cuts(tmp_path, ratio):
    shards = {f"{i}/{random.Random(i).randrange(99)}.tar": packed(files(10 * i, 1)) for i in range(23)}
    ours, theirs = write_shards(tmp_path / "ours", shards), write_shards(tmp_path / "theirs", shards)
    indexed(ours, f"index.split_ratio={ratio}", "index.shuffle_tars=true")
    prepare(theirs, "--split-ratio", ratio, "--shuffle-tars")
    same_files(ours, theirs)
