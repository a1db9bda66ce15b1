"""dfm_index against the real Megatron-Energon 7.4: several ranks, second runs, damage, modes of files."""

import json
import os

import pytest

from energon_archives import DATASETS, files, packed, write_shards
from energon_peer import (DATA, indexed, info_of, PARTIAL, prepare, prepared, read_by_dfm, read_by_energon, same_files, shards_of, tables,
                          USAGE)
from test_tar_scanner import END, pax


def test_any_number_of_ranks_writes_the_same_files(tmp_path):
    roots = {ranks: write_shards(tmp_path / str(ranks), DATASETS["golden plain"]() | DATASETS["ustar"]()) for ranks in (1, 2, 3, 4, 7)}
    for ranks, root in roots.items():
        indexed(root, "index.split_ratio=8,1,1", code=PARTIAL, ranks=ranks)  # ustar's samples have no tensors
    for ranks in (2, 3, 4, 7):
        assert (roots[ranks] / ".nv-meta/index.sqlite").read_bytes() == (roots[1] / ".nv-meta/index.sqlite").read_bytes()
        same_files(roots[ranks], roots[1])
        assert (roots[ranks] / ".nv-meta/dfm_shapes.bin").read_bytes() == (roots[1] / ".nv-meta/dfm_shapes.bin").read_bytes()


def test_a_second_run_reads_only_the_shards_that_changed_and_comes_to_the_same(tmp_path):
    ours, fresh = tmp_path / "ours", tmp_path / "fresh"
    shards = DATASETS["ustar"]()
    write_shards(ours, shards)
    indexed(ours)
    meta = ours / ".nv-meta"
    before = (meta / "index.uuid").read_text()
    assert "10 shards had not changed" in indexed(ours)
    assert (meta / "index.uuid").read_text() == before
    changed = {"s-4.tar": packed(files(800, 9)), "new.tar": packed(files(700, 2))}
    write_shards(ours, changed)
    (ours / "s-7.tar").unlink()
    assert "8 shards had not changed" in indexed(ours)
    assert (meta / "index.uuid").read_text() != before
    write_shards(fresh, {name: data for name, data in (shards | changed).items() if name != "s-7.tar"})
    indexed(fresh)
    assert tables(ours) == tables(fresh)
    (meta / "index.sqlite").write_bytes(b"damaged")
    indexed(ours)
    assert tables(ours) == tables(fresh)


def test_strict_ends_at_a_damaged_shard(tmp_path):
    root = write_shards(tmp_path, {"good.tar": packed(files(0, 5)), "cut.tar": packed(files(10, 40))[:9000]})
    assert "cut.tar" in indexed(root, "--strict", code=DATA)
    assert not (root / ".nv-meta/.info.json").exists()
    assert "cut.tar" in indexed(root, code=PARTIAL)


def test_older_metadata_is_read(tmp_path):
    import yaml
    root = write_shards(tmp_path, DATASETS["ustar"]())
    prepared(root)
    meta = root / ".nv-meta"
    expected = read_by_energon(root, "train")
    counts = {"shard_counts": info_of(root)["shard_counts"]}
    splits = yaml.safe_load((meta / "split.yaml").read_text())
    (meta / ".info.json").unlink()
    (meta / ".info.yaml").write_text(yaml.dump(counts))
    (meta / "split.yaml").unlink()
    (meta / "split.json").write_text(json.dumps(splits))
    assert read_by_energon(root, "train") == expected
    assert read_by_dfm(root, "train") == expected


def test_an_old_info_yaml_is_kept_in_step(tmp_path):
    shards = DATASETS["odd shard names"]()
    ours, theirs = write_shards(tmp_path / "ours", shards), write_shards(tmp_path / "theirs", shards)
    for root in (ours, theirs):
        (root / ".nv-meta").mkdir()
        (root / ".nv-meta/.info.yaml").write_text("shard_counts: {}\n")
    indexed(ours)
    prepared(theirs, "--force-overwrite")
    import yaml
    mine = (ours / ".nv-meta/.info.yaml").read_text()
    other = yaml.safe_load((theirs / ".nv-meta/.info.yaml").read_text())
    assert yaml.safe_load(mine) == {"shard_counts": other["shard_counts"]}
    (ours / ".nv-meta/.info.json").unlink()
    assert len(read_by_energon(ours, "train")) == 2 * len(shards)


def test_energon_refuses_what_we_refuse_and_we_say_why(tmp_path):
    root = write_shards(tmp_path / "twice", {"a.tar": packed(["k.txt", "l.txt"]), "b/c.tar": packed(["m.txt", "k.txt"])})
    text = indexed(root, code=DATA)
    assert "key k " in text and "a.tar" in text and "b/c.tar" in text
    assert not (root / ".nv-meta/.info.json").exists()
    assert prepare(root).exit_code != 0

    root = write_shards(tmp_path / "again", {"a.tar": packed(["k.txt", "l.txt", "k.json"])})
    assert "key k " in indexed(root, code=DATA)

    (tmp_path / "empty").mkdir()
    assert "dfm_prepare" in indexed(tmp_path / "empty", code=DATA)
    assert "regular expression" in indexed(root, "index.exclude=(", code=USAGE)


def test_damaged_shards_are_left_out_with_code_7_and_energon_reads_the_rest(tmp_path):
    whole = packed(files(0, 40))
    bad = {"cut.tar": whole[:len(whole) // 3 + 700], "empty.tar": b"", "text.tar": b"hello" * 500, "zeros.tar": END, "noext.tar": packed(["noext"]),
           "gzip.tar": b"\x1f\x8b\x08" + bytes(600), "bad{1,2}.tar": packed(files(50, 1)), "pax.tar": pax([(b"path", b"1.txt")])}
    root = write_shards(tmp_path, {"good-0.tar": packed(files(100, 5)), "good-1.tar": packed(files(200, 5)), **bad})
    os.symlink("nowhere", root / "link.tar")
    os.mkfifo(root / "pipe.tar")
    (root / "folder.tar").mkdir()
    text = indexed(root, code=PARTIAL)
    assert shards_of(root) == ["good-0.tar", "good-1.tar"]
    for name in [*bad, "link.tar", "pipe.tar"]:
        assert name in text, text
    assert len(read_by_energon(root, "train")) == 10


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    root = write_shards(tmp_path / "set", {"a/1.tar": packed(files(0, 2))})
    elsewhere = write_shards(tmp_path / "elsewhere", {"2.tar": packed(files(10, 2))})
    os.symlink(elsewhere, root / "b")
    os.symlink(root, root / "a/circle")
    indexed(root)
    assert shards_of(root) == ["a/1.tar", "b/2.tar"]


def test_files_get_the_modes_that_energon_gives(tmp_path):
    modes = {}
    for who, index in (("ours", indexed), ("theirs", prepared)):
        root = write_shards(tmp_path / who, {"a.tar": packed(files(0, 2))})
        (root / "a.tar").chmod(0o440)
        root.chmod(0o2750)
        index(root)
        if who == "theirs":  # whose first run fails to: it looks for .nv-meta before that is there
            index(root, "--force-overwrite")
        modes[who] = {str(path.relative_to(root)): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    ours, theirs = modes["ours"], modes["theirs"]
    assert {name: ours[name] for name in theirs} == theirs
    # What only dfm writes is as open as what lies beside it.
    assert ours[".nv-meta/dfm_rows"] == ours[".nv-meta"]
    assert {ours[name] for name in ours if name.endswith(".rows")} == {ours[".nv-meta/index.sqlite"]}
