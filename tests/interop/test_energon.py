"""Awkward shards, indexed by dfm_index and prepared by the real Megatron-Energon 7.4: the same files, the same samples."""

import pytest

from energon_archives import DATASETS, LOSSY, write_shards
from energon_peer import (DONE, filled_splits, indexed, PARTIAL, prepared, read_by_dfm, read_by_energon, same_files, shards_of,
                          train_by_energon, walk)


@pytest.fixture(scope="module", params=[(name, shuffle) for name in DATASETS for shuffle in ([False, True] if name in (
    "ustar", "numbers with gaps", "webdataset", "golden shuffled") else [False])], ids=lambda p: p[0] + (" shuffled" if p[1] else ""))
def pair(request, tmp_path_factory):
    """The same shards, indexed by dfm_index and prepared by Energon."""
    name, shuffle = request.param
    root = tmp_path_factory.mktemp("pair")
    ours, theirs = root / "ours", root / "theirs"
    shards = DATASETS[name]()
    write_shards(ours, shards)
    write_shards(theirs, shards)
    indexed(ours, "index.split_ratio=8,1,1", *(["index.shuffle_tars=true"] if shuffle else []),
            code=PARTIAL if name in LOSSY else DONE)
    prepared(theirs, *(["--shuffle-tars"] if shuffle else []))
    return ours, theirs


def test_writes_the_files_that_energon_writes(pair):
    same_files(*pair)


def test_energon_and_our_reader_give_every_sample_through_our_index(pair):
    ours, _ = pair
    for split, shards in filled_splits(ours).items():
        samples = read_by_energon(ours, split)
        assert samples == [sample for shard in shards for sample in walk(ours / shard)], split
        assert samples == read_by_dfm(ours, split), split


@pytest.mark.parametrize("name", ["webdataset", "ustar", "numbers with gaps", "golden shuffled"])
def test_energon_trains_on_every_sample_once_whoever_made_the_index(tmp_path, name):
    shards = DATASETS[name]()
    ours, theirs = write_shards(tmp_path / "ours", shards), write_shards(tmp_path / "theirs", shards)
    indexed(ours, "index.split_ratio=8,1,1", "--shuffle-tars")
    prepared(theirs, "--shuffle-tars")
    assert read_by_dfm(theirs, "train") == read_by_energon(theirs, "train")
    ranks = [train_by_energon(ours, rank, 2) for rank in range(2)]
    keys = sorted(key for samples in ranks for key, _ in samples)
    assert keys == sorted(key for key, _ in read_by_energon(ours, "train"))
    assert ranks == [train_by_energon(theirs, rank, 2) for rank in range(2)]


def test_energon_finds_every_part_by_its_key_through_our_tables(tmp_path):
    from megatron.energon.cache.file_store import WebdatasetFileStore
    from megatron.energon.epathlib import EPath
    root = write_shards(tmp_path, DATASETS["webdataset"]() | DATASETS["GNU long names"]())
    indexed(root)
    store = WebdatasetFileStore(EPath(str(root)))
    for shard in shards_of(root):
        for key, parts in walk(root / shard):
            for extension, data in parts.items():
                found = store[f"{key}.{extension}"]
                assert (found[0] if isinstance(found, tuple) else found) == data
