"""dfm_index --info, --verify, --show and --lengths, from outside."""

import contextlib
import csv
import io
import json
import os
import pickle
import re
import shutil
import sqlite3
import struct
import tarfile

import numpy
import pytest
import torch

from conftest import run

DONE, DATA, USAGE = 0, 3, 2


def shape_of(i):
    return (16, 1 + i % 3, 4 + 2 * (i % 4), 8)


def sample(i):
    latent = io.BytesIO()
    torch.save(torch.full(shape_of(i), i, dtype=torch.bfloat16), latent)
    text = pickle.dumps(numpy.full((5 + i % 7, 32), i, dtype=numpy.float16))
    return {"json": json.dumps({"caption": f"number {i}", "n": i}).encode(), "pickle": text, "pth": latent.getvalue()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("indexed")
    for shard in range(4):
        with tarfile.open(root / f"s-{shard}.tar", "w") as tar:
            for i in range(10 * shard, 10 * shard + 10):
                for extension, data in sample(i).items():
                    info = tarfile.TarInfo(f"{i:06}.{extension}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    run("dfm_index", root, "--split-ratio", "2,1,1")
    return root


@pytest.fixture
def data(made, tmp_path):
    """A copy that a test may damage; times are kept."""
    return shutil.copytree(made, tmp_path / "copy")


def test_info_shows_what_the_files_say(made):
    info = json.loads(run("dfm_index", made, "--info", "--json").stdout)
    assert info["samples"] == 40 and len(info["shards"]) == 4
    assert info["bytes"] == sum(path.stat().st_size for path in made.glob("*.tar"))
    assert info["parts"]["pth"]["count"] == 40 and info["parts"]["json"]["bytes"] == sum(len(sample(i)["json"]) for i in range(40))
    assert info["splits"] == {"train": {"samples": 20, "shards": 2}, "val": {"samples": 10, "shards": 1}, "test": {"samples": 10, "shards": 1}}
    assert info["sample_type"] == "CrudeWebdataset" and info["uuid"] == (made / ".nv-meta/index.uuid").read_text()
    text = run("dfm_index", made, "--info").stdout
    assert "40 samples in 4 shards" in text and "CrudeWebdataset" in text and info["uuid"] in text


def test_show_gives_the_parts_of_a_sample(made):
    shown = json.loads(run("dfm_index", made, "--show", "000013", "--json").stdout)
    assert shown["shard"] == "s-1.tar" and shown["sample"] == 3
    parts = {part["part"]: part for part in shown["parts"]}
    expected = sample(13)
    with open(made / shown["shard"], "rb") as file:
        for extension, data in expected.items():
            file.seek(parts[extension]["offset"])
            assert file.read(parts[extension]["bytes"]) == data
    assert parts["pth"]["dtype"] == "bfloat16" and tuple(parts["pth"]["shape"]) == shape_of(13)
    assert parts["pickle"]["dtype"] == "float16" and parts["pickle"]["shape"] == [11, 32]
    assert parts["json"]["content"] == {"caption": "number 13", "n": 13}
    assert "bfloat16 [16,2,6,8]" in run("dfm_index", made, "--show", "000013").stdout


def test_show_reads_the_headers_of_other_formats_too_and_says_where_it_cannot(tmp_path):
    array = io.BytesIO()
    numpy.save(array, numpy.zeros((3, 4, 5), dtype=numpy.float32))
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for name, data in (("a.npy", array.getvalue()), ("a.pkl", pickle.dumps(numpy.zeros(7, dtype=numpy.int32))), ("a.pth", b"nothing"), ("a.txt", b"text")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    run("dfm_index", tmp_path, code=7)  # its latent cannot be read
    parts = {part["part"]: part for part in json.loads(run("dfm_index", tmp_path, "--show", "a", "--json").stdout)["parts"]}
    assert (parts["npy"]["dtype"], parts["npy"]["shape"]) == ("float32", [3, 4, 5])
    assert (parts["pkl"]["dtype"], parts["pkl"]["shape"]) == ("int32", [7])
    assert "unreadable" in parts["pth"] and parts["txt"]["content"] == "text"


@pytest.mark.parametrize("key, nearest", [("00001", "000010"), ("000013.pth", "000013"), ("0000x3", "00003"), ("zzz", "000039")])
def test_an_unknown_key_is_answered_with_the_nearest(made, key, nearest):
    error = run("dfm_index", made, "--show", key, code=DATA).stderr
    assert key in error and f"the nearest is {nearest}" in error


@pytest.mark.parametrize("ranks", [1, 3])
def test_lengths_are_the_tokens_of_the_latents(made, tmp_path, ranks):
    table = tmp_path / "lengths.csv"
    report = json.loads(run("dfm_index", made, "--lengths-file", table, "--json", "model.patch_temporal=1", ranks=ranks).stdout)
    rows = list(csv.DictReader(table.open()))
    assert [row["key"] for row in rows] == [f"{i:06}" for i in range(40)]
    expected = [t * (h // 2) * (w // 2) for _, t, h, w in map(shape_of, range(40))]
    assert [int(row["tokens"]) for row in rows] == expected
    assert [int(row["text_rows"]) for row in rows] == [5 + i % 7 for i in range(40)]
    assert report["tokens"] == sum(expected) and report["samples"] == 40
    assert report["median"] == sorted(expected)[19] and report["p90"] == sorted(expected)[35]
    assert {bar["tokens"]: bar["samples"] for bar in report["samples_by_tokens"]} == {n: expected.count(n) for n in set(expected)}


@pytest.mark.parametrize("ranks", [1, 2])
def test_lengths_replace_an_older_table_and_nothing_else(data, tmp_path, ranks):
    table, shard = tmp_path / "lengths.csv", data / "s-1.tar"
    run("dfm_index", data, "--lengths-file", table)
    before = table.read_bytes()
    table.write_bytes(before[:-100])
    run("dfm_index", data, "--lengths-file", table, ranks=ranks)
    assert table.read_bytes() == before
    (tmp_path / "notes").write_text("mine")
    for other in (shard, tmp_path / "notes"):
        before = other.read_bytes()
        assert f"index.lengths_file = {other} is there already" in run("dfm_index", data, "--lengths-file", other, ranks=ranks, code=USAGE).stderr
        assert other.read_bytes() == before


def test_lengths_name_the_shard_that_cannot_be_read(data):
    (data / "s-1.tar").write_bytes(b"no archive" * 100)
    assert "s-1.tar: it does not begin with a tar header" in run("dfm_index", data, "--lengths", code=DATA).stderr


def test_lengths_do_not_need_the_records_and_follow_the_patches(data):
    shutil.rmtree(data / ".nv-meta/dfm_rows")
    (data / ".nv-meta/dfm_shapes.bin").unlink()
    report = json.loads(run("dfm_index", data, "--lengths", "--json", "model.patch_spatial=4").stdout)
    whole = [i for i in range(40) if shape_of(i)[2] % 4 == 0]
    assert report["samples"] == len(whole) and report["not_whole"] == 40 - len(whole)
    assert "no whole number of patches" in run("dfm_index", data, "--lengths", "model.patch_spatial=4").stdout


@pytest.mark.parametrize("ranks", [1, 3])
def test_verify_finds_nothing_in_a_sound_data_set(made, ranks):
    report = json.loads(run("dfm_index", made, "--verify", "--json", ranks=ranks).stdout)
    assert report["right"] and (report["samples"], report["parts"], report["tensors"]) == (40, 120, 40)


def change_byte(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(1)
        file.seek(offset)
        file.write(bytes([old[0] ^ 1]))


def change_table(root, sql):
    with contextlib.closing(sqlite3.connect(root / ".nv-meta/index.sqlite")) as database:
        database.execute(sql)
        database.commit()


def offset_in(root, shard, name):
    with tarfile.open(root / shard) as tar:
        return tar.getmember(name)


def damage_index(root):
    path = root / "s-1.tar.idx"
    offsets = list(struct.unpack(f"<{path.stat().st_size // 8}Q", path.read_bytes()))
    offsets[4] += 512
    path.write_bytes(struct.pack(f"<{len(offsets)}Q", *offsets))


DAMAGES = {
    "an offset": (damage_index, "s-1.tar: .tar.idx places sample 4"),
    "an index that is gone": (lambda root: (root / "s-2.tar.idx").unlink(), "s-2.tar"),
    "a header": (lambda root: change_byte(root / "s-3.tar", offset_in(root, "s-3.tar", "000035.json").offset + 10), "s-3.tar: it holds 5 samples"),
    "an element of a tensor": (lambda root: change_byte(root / "s-0.tar", offset_in(root, "s-0.tar", "000007.pth").offset_data + 1000), "000007.pth"),
    "a shard cut short": (lambda root: os.truncate(root / "s-0.tar", 20000), "s-0.tar: "),
    "a shard that is gone": (lambda root: (root / "s-1.tar").unlink(), "s-1.tar"),
    "a row": (lambda root: change_table(root, "UPDATE samples SET byte_offset = byte_offset + 1 WHERE sample_key = '000022'"), "000022"),
    "a row that is gone": (lambda root: change_table(root, "DELETE FROM sample_parts WHERE tar_file_id = 2 AND part_name = 'pth'"), "s-2.tar: index.sqlite"),
    "a row of no shard": (lambda root: change_table(root, "INSERT INTO samples VALUES (9, 'x', 0, 0, 0)"), "index.sqlite has 41 samples"),
    "a count": (lambda root: (root / ".nv-meta/.info.json").write_text((root / ".nv-meta/.info.json").read_text().replace('"s-2.tar": 10', '"s-2.tar": 11')),
                "s-2.tar: it holds 10 samples, .info.json says 11"),
    "a split": (lambda root: (root / ".nv-meta/split.yaml").write_text("split_parts:\n  train:\n  - s-{0..7}.tar\nexclude: []\n"), "s-7.tar"),
    "recorded shapes": (lambda root: change_byte(root / ".nv-meta/dfm_shapes.bin", (root / ".nv-meta/dfm_shapes.bin").stat().st_size - 3), "shapes"),
    "the table's absence": (lambda root: (root / ".nv-meta/index.sqlite").unlink(), "index.sqlite is missing, but index.uuid names it"),
    "the absence of shapes": (lambda root: (root / ".nv-meta/dfm_shapes.bin").unlink(), "dfm_shapes.bin is missing"),
    "the table's file": (lambda root: (root / ".nv-meta/index.sqlite").write_bytes(b"SQLite format 3\0" + bytes(5000)), "index.sqlite"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_verify_names_what_is_wrong(data, name):
    damage, message = DAMAGES[name]
    damage(data)
    done = run("dfm_index", data, "--verify", "--json", code=DATA)
    findings = json.loads(done.stdout)["findings"]
    assert any(message in finding for finding in findings), findings
    assert message in run("dfm_index", data, "--verify", ranks=2, code=DATA).stdout


@pytest.mark.parametrize("ranks", [1, 2])
def test_verify_misses_a_table_whose_uuid_is_gone_as_well(data, ranks):
    for name in ("index.sqlite", "index.uuid"):
        (data / ".nv-meta" / name).unlink()
    findings = json.loads(run("dfm_index", data, "--verify", "--json", ranks=ranks, code=DATA).stdout)["findings"]
    assert findings == [".nv-meta/index.sqlite is missing, but dfm_rows has what it was made of: index the folder again"]


def test_verify_misses_nothing_where_an_older_energon_made_no_table(data):
    for name in ("index.sqlite", "index.uuid", "dfm_shapes.bin"):
        (data / ".nv-meta" / name).unlink()
    shutil.rmtree(data / ".nv-meta/dfm_rows")
    run("dfm_index", data, "--verify")


def test_verify_reads_latents_named_pt_too(data):
    old = data / "s-0.tar"
    with tarfile.open(old) as tar, tarfile.open(data / "new", "w") as new:
        for member in tar:
            content = tar.extractfile(member)
            member.name = member.name.replace(".pth", ".pt")
            new.addfile(member, content)
    os.replace(data / "new", old)
    run("dfm_index", data)
    assert json.loads(run("dfm_index", data, "--verify", "--json").stdout)["tensors"] == 40
    change_byte(old, offset_in(data, "s-0.tar", "000007.pt").offset_data + 1000)
    assert any("000007.pt" in finding for finding in json.loads(run("dfm_index", data, "--verify", "--json", code=DATA).stdout)["findings"])


def test_verify_and_show_read_what_energon_wrote(tmp_path):
    from conftest import ROOT
    root = shutil.copytree(ROOT / "tests/golden/energon/plain", tmp_path / "plain")
    report = json.loads(run("dfm_index", root, "--verify", "--json").stdout)
    assert report["right"], report["findings"]
    assert json.loads(run("dfm_index", root, "--info", "--json").stdout)["samples"] == report["samples"]


@pytest.mark.parametrize("words, text", [
    (["--info", "--verify"], "more than one of index.info"),
    (["--show", "000001", "--lengths"], "more than one of index.info"),
    (["--json"], "nothing is asked"),
    (["--show", ""], "index.show names no sample"),
])
@pytest.mark.parametrize("ranks", [1, 2])
def test_questions_that_would_go_unanswered_are_refused(data, words, text, ranks):
    uuid = (data / ".nv-meta/index.uuid").read_text()
    assert text in run("dfm_index", data, *words, ranks=ranks, code=USAGE).stderr
    assert (data / ".nv-meta/index.uuid").read_text() == uuid


@pytest.mark.parametrize("name", ["index.sqlite", "index.uuid", "dfm_shapes.bin", "split.yaml", ".info.json", "../x.yaml"])
def test_the_description_of_samples_takes_no_name_of_other_metadata(data, name):
    printed = run("dfm_index", data, "--dataset-yaml-name", name, "--force-overwrite", code=USAGE).stderr
    assert f"index.dataset_yaml_name = '{name}' cannot be used" in printed
    run("dfm_index", data, "--verify")


@pytest.mark.parametrize("name, remedy", [("split.yaml", ["--force-overwrite"]), ("index.sqlite", []), (".info.json", [])])
def test_the_remedy_for_damaged_metadata_mends_it(data, name, remedy):
    (data / ".nv-meta" / name).write_text("{no: [such, file")
    question = ["--show", "000001"] if name == "index.sqlite" else ["--info"]
    assert " ".join(["dfm_index FOLDER", *remedy]) + "\n" in run("dfm_index", data, *question, code=DATA).stderr
    run("dfm_index", data, *remedy)
    run("dfm_index", data, "--verify")


def test_a_folder_that_is_not_indexed_is_refused(tmp_path):
    for word in ("--info", "--verify", "--lengths"):
        assert "not indexed" in run("dfm_index", tmp_path, word, code=DATA).stderr
    assert re.search("index.root", run("dfm_index", "--info", code=USAGE).stderr)
