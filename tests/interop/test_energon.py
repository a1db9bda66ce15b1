"""dfm_index and the data set reader against the real Megatron-Energon 7.4."""

import contextlib
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tarfile
import uuid
from pathlib import Path

import pytest
import webdataset
from click.testing import CliRunner
from megatron.energon import (Cooker, DefaultTaskEncoder, Sample, WorkerConfig, basic_sample_keys, edataclass, get_loader,
                              get_train_dataset, get_val_dataset, stateless)
from megatron.energon.tools.prepare import command as prepare_command

from conftest import BIN, command, ENVIRONMENT
from test_tar_scanner import (BLOCK, END, SKIP_META, SPLIT_NAME, gnu_long, header, member, padded, pax, sparse_header,
                              unhexed)

TOOL = BIN / "dataset_tool"
GOLDEN = Path(__file__).parents[1] / "golden/energon"
SPLITS = ["train", "val", "test"]
DONE, USAGE, DATA, PARTIAL = 0, 2, 3, 7


# ---------------------------------------------------------------------------------------------- data sets

def packed(names, layout=tarfile.USTAR_FORMAT, **options):
    """An archive by tarfile; the content of each file is its name, as JSON."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout, **options) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            data = json.dumps({"content": name}).encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def files(first, count, extensions=("json", "txt"), folder=""):
    return [f"{folder}{key:05}.{extension}" for key in range(first, first + count) for extension in extensions]


def one_shard(data):
    return {"s-0.tar": data, "s-1.tar": packed(files(900, 3)), "s-2.tar": packed(files(910, 3))}


def made_by_webdataset():
    shards = {}
    for shard in range(4):
        buffer = io.BytesIO()
        with webdataset.TarWriter(buffer) as writer:
            for key in range(5):
                writer.write({"__key__": f"{shard}{key:04}", "txt": f"text {key}", "json": {"n": key}, "pth": b"p" * 700})
        shards[f"wds-{shard:06}.tar"] = buffer.getvalue()
    return shards


def made_by_gnu_tar(layout):
    def make(folder=None):
        root = Path(os.environ.get("TMPDIR", "/tmp")) / f"dfm_gnu_tar_{os.getpid()}"
        shutil.rmtree(root, ignore_errors=True)
        (root / ("deep/" * 30)).mkdir(parents=True)
        (root / "a.txt").write_bytes(b"a")
        (root / ("deep/" * 30) / "b.with.dots.txt").write_bytes(b"b" * 1000)
        with open(root / "holes.bin", "wb") as file:
            file.seek(1 << 20)
            file.write(b"behind a hole" * 100)
            file.truncate(3 << 20)
        os.link(root / "a.txt", root / "hard.txt")
        os.symlink("a.txt", root / "soft.txt")
        data = subprocess.run(["tar", "-S", f"--format={layout}", "-C", root, "-cf", "-", "."], capture_output=True, check=True).stdout
        shutil.rmtree(root)
        return one_shard(data)
    return make


DATASETS = {
    "webdataset": made_by_webdataset,
    "ustar": lambda: {f"s-{i}.tar": packed(files(10 * i, 4)) for i in range(10)},
    "folders and order": lambda: {name: packed(files(10 * i, 2)) for i, name in enumerate(
        ["B.tar", "a/1.tar", "a-b/1.tar", "a.tar", "a/b/c.tar", "é/1.tar", "zz.tar", "a/10.tar", "a/2.tar"])},
    "hidden things": lambda: {"s.tar": packed(files(0, 2)), ".hidden.tar": packed(files(0, 2)), ".folder/s.tar": packed(files(0, 2)),
                              "t.TAR": packed(files(0, 2))},
    "odd shard names": lambda: {name: packed(files(10 * i, 2)) for i, name in enumerate(
        ["a b.tar", "a: b.tar", "- c.tar", "'q'.tar", "#.tar", "é.tar", "[x].tar", "x,y.tar", "😀.tar", "w " * 50 + ".tar", "é " * 50 + ".tar",
         "tab\t.tar", "d'/e #1.tar", "=.tar", "0x10.tar", "1e5.tar", "null.tar", "{}.tar"])},
    "numbers with gaps": lambda: {f"s-{n:04}.tar": packed(files(10 * n, 1)) for n in [0, 1, 2, 4, 5, 9, 10, 11, 99, 100, 101, 102]},
    "numbers of growing width": lambda: {f"s-{n}.tar": packed(files(10 * n, 1)) for n in range(8, 24)},
    "two numbers": lambda: {f"p{p}/s-{n:02}.tar": packed(files(100 * p + n, 1)) for p in range(3) for n in range(4)},
    "one shard": lambda: {"only.tar": packed(files(0, 5))},
    "tgz that is not compressed": lambda: {"s.tgz": packed(files(0, 5)), "t.tar": packed(files(10, 5))},
    "GNU long names": lambda: {f"s-{i}.tar": packed(files(10 * i, 3, folder="long/" * 60), tarfile.GNU_FORMAT) for i in range(3)},
    "PAX long names": lambda: {f"s-{i}.tar": packed(files(10 * i, 3, folder="lång/" * 60), tarfile.PAX_FORMAT) for i in range(3)},
    "PAX global header": lambda: {f"s-{i}.tar": packed(files(10 * i, 3), tarfile.PAX_FORMAT, pax_headers={"comment": "global"})
                                  for i in range(3)},
    "ustar prefix": lambda: {f"s-{i}.tar": packed(files(10 * i, 3, folder="folder/" * 20)) for i in range(3)},
    "ignored members": lambda: one_shard(
        header(b"d", 0, b"5") + header(b"l.txt", 0, b"2") + member(b"__meta__/x.txt") + member(b"1.txt") + member(b"noext")
        + member(b"1.json") + header(b"h.txt", 0, b"1") + member(b".hidden.txt") + member(b"2.txt") + member(b"v.txt", kind=b"V") + END),
    "quirks of names": lambda: one_shard(
        member(b"./2.txt") + member(b"/abs/3.txt") + member(b"e.f/1.seg.json") + member(b"4.") + member(b"5..txt") + member(b"5.Txt")
        + member(b"d/._1.jpg") + member(b"d/.x") + member(b"x//.y") + member(b"a/b.c/d") + member(b"__k__.txt") + member(b"q/__m__/7.txt")
        + END),
    "interrupted sample": lambda: one_shard(member(b"1.txt") + member(b"__x__") + member(b"1.json") + member(b"2.txt") + END),
    "a part twice": lambda: one_shard(member(b"1.txt", b"first") + member(b"1.json") + member(b"1.txt", b"second") + END),
    "empty parts": lambda: one_shard(member(b"1.txt", b"") + member(b"1.seg", b"") + member(b"2.txt", b"") + END),
    "no end mark": lambda: one_shard(member(b"1.txt") + member(b"2.txt")),
    "one block of zeros": lambda: one_shard(member(b"1.txt") + member(b"2.txt") + bytes(BLOCK)),
    "much padding": lambda: one_shard(member(b"1.txt") + member(b"2.txt") + bytes(100 * BLOCK)),
    "short tail": lambda: one_shard(member(b"1.txt") + member(b"2.txt") + b"tail"),
    "two archives": lambda: one_shard(member(b"1.txt") + END + member(b"2.txt") + END),
    "bad header": lambda: one_shard(member(b"1.txt") + member(b"2.txt") + b"\1" * BLOCK + member(b"3.txt") + END),
    "base 256": lambda: one_shard(header(b"1.txt", size_field=b"\x80" + (700).to_bytes(11, "big")) + padded(b"q" * 700)
                                  + member(b"2.txt") + END),
    "PAX size": lambda: one_shard(pax([(b"size", b"700")]) + header(b"1.txt", 0) + padded(b"z" * 700) + member(b"2.txt") + END),
    "PAX on PAX": lambda: one_shard(pax([(b"path", b"no.txt")]) + pax([(b"comment", b"c")], b"g") + gnu_long(b"1.txt") + member(b"x.txt")
                                    + member(b"2.txt") + END),
    "types": lambda: one_shard(member(b"1.txt", kind=b"7") + member(b"2.txt", kind=b"\0") + header(b"3.d/", 0, b"\0") + member(b"4.txt")
                               + END),
    "old sparse": lambda: one_shard(
        sparse_header(b"1.txt", 1024, [(0, 512), (1024, 256), (2048, 128), (3072, 64)], 5000, b"\1")
        + padded(b"%011o\0%011o\0" % (4096, 64)) + bytes(range(256)) * 4 + member(b"2.txt") + END),
    "PAX sparse 1.0": lambda: one_shard(
        pax([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"1.txt"), (b"GNU.sparse.realsize", b"3000")])
        + header(b"x.txt", 1024) + padded(b"1\n1024\n512\n") + b"s" * 512 + member(b"2.txt") + END),
    "PAX sparse 0.1": lambda: one_shard(
        pax([(b"GNU.sparse.map", b"0,100,1024,412"), (b"GNU.sparse.size", b"2048"), (b"GNU.sparse.name", b"1.txt")])
        + header(b"x.txt", 512) + b"s" * 512 + member(b"2.txt") + END),
    "GNU tar, gnu": made_by_gnu_tar("gnu"),
    "GNU tar, posix": made_by_gnu_tar("posix"),
    "GNU tar, ustar": lambda: one_shard(subprocess.run(
        ["tar", "--format=ustar", "-C", Path(__file__).parent, "-cf", "-", "test_energon.py", "test_tar_scanner.py"], capture_output=True,
        check=True).stdout),
    "golden plain": lambda: {path.name: path.read_bytes() for path in (GOLDEN / "plain").glob("*.tar")},
    "golden shuffled": lambda: {path.name: path.read_bytes() for path in (GOLDEN / "shuffled").glob("*.tar")},
}
# What the reference passes over in silence and dfm_index reports with code 7.
LOSSY = {"two archives", "bad header"}


def write_shards(root, shards):
    for name, data in shards.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


# ---------------------------------------------------------------------------------------------- both tools

def dfm_index(root, *words, ranks=1):
    return subprocess.run(command("dfm_index", root, *words, ranks=ranks), capture_output=True, text=True, timeout=300,
                          env=ENVIRONMENT, errors="backslashreplace")


def indexed(root, *words, code=DONE, ranks=1):
    result = dfm_index(root, *words, ranks=ranks)
    assert result.returncode == code, result.stderr
    return result.stderr


def prepare(root, *words):
    result = CliRunner().invoke(prepare_command, [str(root), "--non-interactive", "--no-progress", "--num-workers", "1", "--sample-type",
                                                  "CrudeWebdataset", "--split-ratio", "8,1,1", *words])
    return result


def prepared(root, *words):
    result = prepare(root, *words)
    assert result.exit_code == 0, result.output
    return result.output


@edataclass
class RawFiles(Sample):
    parts: dict


@stateless
def cook(sample):
    return RawFiles(**basic_sample_keys(sample), parts={k: v for k, v in sample.items() if not k.startswith("__") or k == "__"})


class RawEncoder(DefaultTaskEncoder):
    decoder = None
    cookers = [Cooker(cook)]

    @stateless
    def batch(self, samples):
        return samples


def collect(dataset):
    return [(sample.__key__, sample.parts) for batch in get_loader(dataset) for sample in batch]


def read_by_energon(root, split):
    """All samples in order."""
    config = WorkerConfig(rank=0, world_size=1, num_workers=0)
    return collect(get_val_dataset(root, split_part=split, batch_size=1, worker_config=config, task_encoder=RawEncoder()))


def train_by_energon(root, rank, ranks):
    config = WorkerConfig(rank=rank, world_size=ranks, num_workers=0)
    return collect(get_train_dataset(root, worker_config=config, batch_size=1, shuffle_buffer_size=None, max_samples_per_sequence=None,
                                     repeat=False, task_encoder=RawEncoder()))


def read_by_dfm(root, split):
    result = subprocess.run([TOOL, "samples", root, split], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    samples = []
    for line in result.stdout.splitlines():
        _, key, *parts = line.split(" ")
        samples.append((unhexed(key), {unhexed(e): bytes.fromhex(b) for e, b in (part.split("=") for part in parts)}))
    return samples


def walk(path):
    """All samples of a shard, by tarfile alone."""
    samples, last = [], None
    with tarfile.open(path, "r:") as tar:
        for info in tar:
            match = SPLIT_NAME.match(info.name)
            if not info.isreg() or SKIP_META.match(info.name) or not match:
                continue
            if match.group(1) != last:
                samples.append((match.group(1), {}))
            last = match.group(1)
            samples[-1][1][match.group(2)] = tar.extractfile(info).read()
    return samples


def info_of(root):
    return json.loads((root / ".nv-meta/.info.json").read_text())


def shards_of(root):
    return list(info_of(root)["shard_counts"])


def filled_splits(root):
    import braceexpand
    import yaml
    parts = yaml.safe_load((root / ".nv-meta/split.yaml").read_text())["split_parts"]
    return {split: [n for e in parts[split] for n in braceexpand.braceexpand(e)] for split in parts if parts[split]}


def tables(root):
    """The schema to the letter, and all rows."""
    with contextlib.closing(sqlite3.connect(f"file:{root}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)) as database:
        rows = lambda sql: database.execute(sql).fetchall()
        assert rows("PRAGMA integrity_check") == [("ok",)]
        header = [rows(f"PRAGMA {name}") for name in ("page_size", "encoding", "user_version", "application_id", "journal_mode")]
        return (header, rows("SELECT type, name, tbl_name, sql FROM sqlite_master"), sorted(rows("SELECT * FROM samples")),
                sorted(rows("SELECT * FROM sample_parts")))


def same_files(ours, theirs):
    def names(root):
        return {path.relative_to(root) for path in root.rglob("*")
                if path.is_file() and path.name != "dfm_shapes.bin" and path.parent.name != "dfm_rows"}
    assert names(ours) == names(theirs)
    assert tables(ours) == tables(theirs)
    assert str(uuid.UUID((ours / ".nv-meta/index.uuid").read_text(), version=4)) == (ours / ".nv-meta/index.uuid").read_text()
    for name in names(ours) - {Path(".nv-meta/index.sqlite"), Path(".nv-meta/index.uuid")}:
        mine, other = (ours / name).read_bytes(), (theirs / name).read_bytes()
        if name.name == ".info.json":
            other = re.sub(rb'  "energon_version": "7.4.0",\n', b"", other)
        assert mine == other, f"{name}: {mine[:600]!r}\ninstead of {other[:600]!r}"


# ---------------------------------------------------------------------------------------------- tests

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


def test_energon_reads_every_sample_through_our_index(pair):
    ours, _ = pair
    for split, shards in filled_splits(ours).items():
        assert read_by_energon(ours, split) == [sample for shard in shards for sample in walk(ours / shard)], split


def test_our_reader_gives_the_samples_that_energon_gives_whoever_made_the_index(pair):
    for root in pair:
        for split in filled_splits(root):
            assert read_by_dfm(root, split) == read_by_energon(root, split), split


def test_energon_trains_on_every_sample_once(pair):
    ours, theirs = pair
    if "train" not in filled_splits(ours):
        pytest.skip("8,1,1 leaves one shard for the last split")
    ranks = [train_by_energon(ours, rank, 2) for rank in range(2)]
    keys = sorted(key for samples in ranks for key, _ in samples)
    assert keys == sorted(key for key, _ in read_by_energon(ours, "train"))
    assert ranks == [train_by_energon(theirs, rank, 2) for rank in range(2)]


def test_any_number_of_ranks_writes_the_same_files(tmp_path):
    roots = {ranks: write_shards(tmp_path / str(ranks), DATASETS["golden plain"]() | DATASETS["ustar"]()) for ranks in (1, 2, 3, 4, 7)}
    for ranks, root in roots.items():
        indexed(root, "index.split_ratio=8,1,1", code=PARTIAL, ranks=ranks)  # ustar's samples have no tensors
    for ranks in (2, 3, 4, 7):
        assert (roots[ranks] / ".nv-meta/index.sqlite").read_bytes() == (roots[1] / ".nv-meta/index.sqlite").read_bytes()
        same_files(roots[ranks], roots[1])
        assert (roots[ranks] / ".nv-meta/dfm_shapes.bin").read_bytes() == (roots[1] / ".nv-meta/dfm_shapes.bin").read_bytes()


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


def test_excluded_shards_and_samples_are_left_out_as_energon_does(tmp_path):
    root = write_shards(tmp_path, DATASETS["numbers with gaps"]() | {"s-0200.tar": packed(files(5000, 6))})
    indexed(root, "index.split_ratio=1,0,0")
    split = root / ".nv-meta/split.yaml"
    split.write_text(split.read_text().replace("exclude: []", "exclude:\n- s-{0001..0004}.tar\n- s-0200.tar/0500{0,2,3,5}\n- s-0200.tar/nope\n"))
    samples = read_by_energon(root, "train")
    assert read_by_dfm(root, "train") == samples
    assert len(samples) == 12 - 3 + 2


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
