"""Shards that the real Megatron-Energon 7.4 gives up: dfm_index leaves out the one and indexes the others, and says why."""

import contextlib
import gzip
import sqlite3

import pytest

from energon_archives import files, packed, write_shards
from energon_peer import DATA, DONE, indexed, PARTIAL, prepare, read_by_dfm, read_by_energon, shards_of, tables, walk
from test_tar_scanner import BLOCK, END, gnu_long, header, member, padded, pax, sparse_header

WHOLE = packed(files(500, 20))
GIVEN_UP = {
    "a payload that is cut": (WHOLE[:5 * BLOCK + 10], "should end at byte"),
    "a size of 2^70 in base 256": (member(b"1.txt") + header(b"2.txt", size_field=b"\x80" + (1 << 70).to_bytes(11, "big")) + END, "should end at byte"),
    "a size beyond the end": (member(b"1.txt") + header(b"2.txt", 0o7777777) + END, "should end at byte"),
    "a PAX size beyond the end": (pax([(b"size", b"99999999")]) + member(b"1.txt") + END, "should end at byte"),
    "an empty file": (b"", "empty"),
    "a text": (b"hello " * 500, "tar header"),
    "nothing but zeros": (END, "no samples"),
    "no sample": (packed(["noext", ".hidden.txt", "__meta__/x.txt"]), "no samples"),
    "a PAX header at the end": (member(b"1.txt") + pax([(b"path", b"2.txt")]), "not followed by a member"),
    "a PAX header before the end mark": (member(b"1.txt") + pax([(b"path", b"2.txt")]) + END, "not followed by a member"),
    "a long name at the end": (member(b"1.txt") + gnu_long(b"n" * 200), "not followed by a member"),
    "a PAX header that is cut": (member(b"1.txt") + pax([(b"path", b"2" * 2000)])[:BLOCK + 700], "inside an extended header"),
    "a sparse map that is cut": (member(b"1.txt") + sparse_header(b"2.txt", 512, [(0, 512)], 5000, b"\1"), "sparse file"),
    "a first header that is damaged": (b"\1" + WHOLE[1:], "tar header"),
}


def a_set_with(bad):
    return {"a.tar": packed(files(0, 5)), "bad.tar": bad, "c.tar": packed(files(10, 5))}


@pytest.mark.parametrize("name", GIVEN_UP)
def test_a_shard_that_energon_gives_up_is_left_out_and_named(tmp_path, name):
    bad, reason = GIVEN_UP[name]
    ours, theirs = (write_shards(tmp_path / who, a_set_with(bad)) for who in ("ours", "theirs"))
    assert prepare(theirs).exit_code != 0
    text = indexed(ours, code=PARTIAL)
    assert "bad.tar" in text and reason in text
    assert shards_of(ours) == ["a.tar", "c.tar"]
    expected = walk(ours / "a.tar") + walk(ours / "c.tar")
    assert read_by_energon(ours, "train") == expected == read_by_dfm(ours, "train")
    assert reason in indexed(ours, "--strict", "--rescan", code=DATA)


def test_a_negative_size_which_energon_takes_over_is_no_sample_of_ours(tmp_path):
    bad = member(b"1.txt") + header(b"2.txt", size_field=b"\xff" * 12) + padded(b"x") + END
    ours, theirs = (write_shards(tmp_path / who, a_set_with(bad)) for who in ("ours", "theirs"))
    assert prepare(theirs).exit_code == 0
    assert any(size < 0 for *_, size in tables(theirs)[3])
    assert "negative size" in indexed(ours, code=PARTIAL)
    assert shards_of(ours) == ["a.tar", "c.tar"]


@pytest.mark.parametrize("make, name", [(gzip.compress, "bad.tgz"), (gzip.compress, "bad.tar")])
def test_compressed_shards_which_energon_indexes_and_cannot_read_are_left_out(tmp_path, make, name):
    shards = {"a.tar": packed(files(0, 5)), name: make(packed(files(20, 5)))}
    ours, theirs = (write_shards(tmp_path / who, shards) for who in ("ours", "theirs"))
    prepare(theirs, "--split-ratio", "1,0,0")
    with pytest.raises(Exception):
        read_by_energon(theirs, "train")
    assert "compressed (gzip)" in indexed(ours, code=PARTIAL)
    assert len(read_by_energon(ours, "train")) == 5


def test_names_that_are_not_utf8_which_end_energons_run_are_indexed(tmp_path):
    bad = member(b"1\xff.txt", b"one") + member(b"1\xff.js\xe9", b"other") + member(b"2.txt", b"two") + END
    ours, theirs = (write_shards(tmp_path / who, a_set_with(bad)) for who in ("ours", "theirs"))
    assert prepare(theirs).exit_code != 0
    indexed(ours, code=DONE)
    expected = [sample for shard in shards_of(ours) for sample in walk(ours / shard)]
    assert read_by_dfm(ours, "train") == expected
    assert len(expected) == 12 and read_by_energon(ours, "train") == expected
    with contextlib.closing(sqlite3.connect(ours / ".nv-meta/index.sqlite")) as database:
        database.text_factory = bytes
        assert database.execute("SELECT byte_offset FROM samples WHERE CAST(sample_key AS BLOB) = ?", (b"1\xff",)).fetchall() == [(0,)]


LOST = {
    "behind a damaged header": (member(b"1.txt") + b"\1" * BLOCK + member(b"2.txt") * 3 + END, ["byte 1024", "1 samples before it", "4608 bytes"]),
    "behind the first of two archives": (member(b"1.txt") + END + member(b"2.txt") + END, ["1 samples before the end mark at byte 1024"]),
    "behind a checksum that is wrong": (member(b"1.txt") + member(b"2.txt") + bytes([member(b"3.txt")[0] ^ 1]) + member(b"3.txt")[1:] + END,
                                        ["byte 2048", "2 samples before it"]),
}


@pytest.mark.parametrize("name", LOST)
def test_what_energon_loses_without_a_word_is_named_with_its_numbers(tmp_path, name):
    bad, words = LOST[name]
    ours, theirs = (write_shards(tmp_path / who, a_set_with(bad)) for who in ("ours", "theirs"))
    assert prepare(theirs, "--split-ratio", "1,0,0").exit_code == 0
    text = indexed(ours, code=PARTIAL)
    assert all(word in text for word in ["bad.tar", *words]), text
    assert read_by_energon(ours, "train") == read_by_energon(theirs, "train")
