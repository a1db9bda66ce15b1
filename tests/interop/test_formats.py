"""share/doc/formats.md is enough to read what dfm writes: a reading of that page in Python, with no code of dfm."""

import contextlib
import ctypes
import io
import json
import pickle
import re
import sqlite3
import struct
import tarfile

import braceexpand
import h5py
import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from conftest import ROOT, run

XXHASH = ctypes.CDLL("libxxhash.so.0")
XXHASH.XXH3_64bits.restype = ctypes.c_uint64
XXHASH.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def xxh3(data):
    return XXHASH.XXH3_64bits(data, len(data))


def info(root):
    return json.loads((root / ".nv-meta/.info.json").read_text())["shard_counts"]


def index(root, shard):
    data = (root / shard).with_suffix(".tar.idx").read_bytes()
    return struct.unpack(f"<{len(data) // 8}Q", data)


def sample(root, shard, number):
    """Its parts by extension; key."""
    offsets = index(root, shard)
    data = (root / shard).read_bytes()[offsets[number] if number else 0:offsets[number + 1]]
    parts, keys = {}, set()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            key, extension = re.fullmatch(r"((?:.*/)?[^.]+)[.]([^/]*)", member.name).groups()
            keys.add(key)
            parts[extension] = tar.extractfile(member).read()
    assert len(keys) == 1
    return keys.pop(), parts


def samples(root):
    """(shard, number, key, parts) of all, in order."""
    return [(shard, number, *sample(root, shard, number)) for shard, count in info(root).items() for number in range(count)]


def shape_of(parts):
    latent = torch.load(io.BytesIO(parts["pth"]), weights_only=True)
    text = pickle.loads(parts["pickle"])
    return (*latent.shape[-4:], text.shape[-2]), text.shape[-1]


def test_a_shard_is_cut_by_its_index(shards):
    for shard, count in info(shards).items():
        offsets = index(shards, shard)
        assert len(offsets) == count + 1
        data = (shards / shard).read_bytes()
        assert len(data) == offsets[-1] + 2 * 512 and not any(data[offsets[-1]:])
    assert all({"pth", "pickle", "json"} <= parts.keys() for *_, parts in samples(shards))


def test_the_splits_name_the_shards(shards):
    parts = yaml.safe_load((shards / ".nv-meta/split.yaml").read_text())["split_parts"]
    names = [name for entries in parts.values() for entry in entries for name in braceexpand.braceexpand(entry)]
    assert names == list(info(shards))
    dataset = yaml.safe_load((shards / ".nv-meta/dataset.yaml").read_text())
    assert dataset["__class__"] == "CrudeWebdataset" and dataset["__module__"] == "megatron.energon"


def test_the_database_finds_every_part(shards):
    names = list(info(shards))
    with contextlib.closing(sqlite3.connect(f"file:{shards}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)) as database:
        for shard, number, key, parts in samples(shards):
            row = database.execute("SELECT tar_file_id, sample_index, byte_offset, byte_size FROM samples WHERE sample_key = ?",
                                   (key,)).fetchone()
            offsets = index(shards, shard)
            assert row == (names.index(shard), number, offsets[number], offsets[number + 1] - offsets[number])
            found = database.execute("SELECT part_name, content_byte_offset, content_byte_size FROM sample_parts WHERE tar_file_id = ? "
                                     "AND sample_index = ?", row[:2]).fetchall()
            data = (shards / shard).read_bytes()
            assert {name: data[offset:offset + size] for name, offset, size in found} == parts
    assert len((shards / ".nv-meta/index.uuid").read_text()) == 36


def test_the_file_of_shapes(shards):
    data = (shards / ".nv-meta/dfm_shapes.bin").read_bytes()
    magic, version, width, shard_count, sample_count, table_bytes, checksum = struct.unpack_from("<8sIIQQQQ", data)
    table = data[48:48 + table_bytes]
    assert magic == b"DFMSHAPE" and version == 1 and checksum == xxh3(data[:40] + table)
    at, begin, rows, entries = 0, 48 + table_bytes, [], []
    for _ in range(shard_count):
        count, end, rows_hash, length = struct.unpack_from("<QQQI", table, at)
        name = table[at + 28:at + 28 + length].decode()
        at += 28 + length
        own = data[begin:begin + 20 * count]
        begin += len(own)
        assert rows_hash == xxh3(own) and end == index(shards, name)[-1]
        entries.append((name, count))
        rows += struct.iter_unpack("<5I", own)
    assert at == table_bytes and begin == len(data) and len(rows) == sample_count
    assert entries == list(info(shards).items())
    assert [(row, width) for row in rows] == [shape_of(parts) for *_, parts in samples(shards)]


class Leb128:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length:self.at].decode()


def test_the_records_of_shards(shards):
    for shard, count in info(shards).items():
        data = (shards / f".nv-meta/dfm_rows/{xxh3(shard.encode()):016x}.rows").read_bytes()
        magic, checksum, json_bytes, sample_bytes, media_bytes = struct.unpack_from("<8sQQQQ", data)
        assert magic == b"DFMROWS2" and checksum == xxh3(data[16:])
        head = json.loads(data[40:40 + json_bytes])
        assert head["media"] == "" and media_bytes == 0
        status = (shards / shard).stat()
        assert (head["name"], head["size"], head["changed_ns"]) == (shard, status.st_size, status.st_mtime_ns)
        reader, content = Leb128(data[40 + json_bytes:40 + json_bytes + sample_bytes]), (shards / shard).read_bytes()
        offsets = index(shards, shard)
        for number in range(count):
            key, parts = sample(shards, shard, number)
            assert reader.text() == key
            found = {}
            for _ in range(reader.number()):
                extension, offset, size = reader.text(), reader.number(), reader.number()
                found[extension] = content[offsets[number] + offset:offsets[number] + offset + size]
            assert found == parts
        assert reader.at == sample_bytes
        rows = list(struct.iter_unpack("<5I", data[40 + json_bytes + sample_bytes:]))
        assert head["has_shapes"] and rows == [shape_of(sample(shards, shard, i)[1])[0] for i in range(count)]


def test_the_rows_of_media_in_the_records(tmp_path):
    picture = ROOT / "share/demo/drawn_digits.png"
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(picture, "one.png")
    run("dfm_index", tmp_path, "--media-metadata-by-extension", "--split-ratio", "1,0,0")
    data = (tmp_path / f".nv-meta/dfm_rows/{xxh3(b'a.tar'):016x}.rows").read_bytes()
    json_bytes, sample_bytes, media_bytes = struct.unpack_from("<QQQ", data, 16)
    begin = 40 + json_bytes + sample_bytes
    entry, kind, details, rest = data[begin:begin + media_bytes].split(b"\0")
    width, height = struct.unpack_from(">II", picture.read_bytes(), 16)  # of PNG's first chunk
    assert (entry, kind, rest) == (b"one.png", b"image", b"")
    assert (json.loads(details)["width"], json.loads(details)["height"]) == (width, height)


def checkpoint_of(root):
    step = int((root / "latest_checkpointed_iteration.txt").read_text())
    return step, root / f"iter_{step:07}"


def without_blanks(text):
    """Between the tokens of JSON."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|\s+', lambda match: match.group(1) or "", text)


def test_the_manifest_and_the_pointer(trained):
    step, folder = checkpoint_of(trained)
    text = (folder / "manifest.json").read_text()
    whole, compact = json.loads(text), without_blanks(text)
    body = compact.removeprefix('{"checkpoint":').rsplit(',"xxh3":', 1)[0]
    assert f"{xxh3(body.encode()):016x}" == whole["xxh3"]
    checkpoint = whole["checkpoint"]
    assert checkpoint["format"] == 1 and checkpoint["step"] == step and checkpoint["consumed_samples"] == 6 * step
    assert checkpoint["bad_samples"] == [] and checkpoint["quarantine"] == []
    assert checkpoint["config"]["train.global_batch_size"] == "6"
    for file in checkpoint["files"]:
        data = (folder / file["name"]).read_bytes()
        assert len(data) == file["bytes"] and f"{xxh3(data):016x}" == file["xxh3"]
        assert f"{xxh3(data[:file['head_bytes']]):016x}" == file["head_xxh3"]


def place_of(text, shape):
    """The elements of the flattened tensor that a piece of that name can hold, in its order, from its begin on."""
    every = np.arange(int(np.prod(shape)))
    if ":" not in text:
        return every[int(text):]
    begin, first, width, row = map(int, re.fullmatch(r"(\d+):(\d+)\+(\d+)\|(\d+)", text).groups())
    return every.reshape(-1, row)[:, first:first + width].reshape(-1)[begin:]


def tensors(folder, kind):
    found = {}
    for path in sorted(folder.glob("rank_*.h5")):
        with h5py.File(path) as file:
            for name, data in file[kind].items():
                parameter, place = name.rsplit("@", 1)
                shape = tuple(data.attrs["global_shape"])
                whole = found.setdefault(parameter, np.full(int(np.prod(shape)), np.nan, "f4").reshape(shape))
                whole.reshape(-1)[place_of(place, shape)[:len(data)]] = data[:]
    return found


@pytest.mark.parametrize("ranks", [1, 3])
def test_the_files_of_ranks_hold_every_tensor_whole(shards, tmp_path, ranks):
    from conftest import TINY
    run("dfm_train", *TINY, f"dataset.path={shards}", f"checkpoint.save={tmp_path}/run", "train.train_iters=1", "train.ema_decay=0.5",
        ranks=ranks)
    _, folder = checkpoint_of(tmp_path / "run")
    kinds = {kind: tensors(folder, kind) for kind in ("weights", "exp_avg", "exp_avg_sq", "ema")}
    for found in kinds.values():
        assert found.keys() == kinds["weights"].keys()
        assert not any(np.isnan(tensor).any() for tensor in found.values())
    run("dfm_consolidate", tmp_path / "run", tmp_path / "out.safetensors")
    exported = load_file(tmp_path / "out.safetensors")
    assert exported.keys() == kinds["ema"].keys()
    assert all(np.array_equal(exported[name].astype("f4"), tensor) for name, tensor in kinds["ema"].items())


def test_the_lines_of_metrics_and_journal(trained):
    metrics = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in metrics if line["kind"] == "train"]
    assert [line["iteration"] for line in steps] == [1, 2, 3, 4]
    assert all(line.keys() == {"kind", "iteration", "consumed_samples", "lr", "loss", "grad_norm", "tokens", "pack_fill",
                            "step_seconds"} for line in steps)
    events = [json.loads(line) for line in (trained / "journal.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in ("start", "checkpoint", "stop")] == ["start", "checkpoint", "checkpoint", "stop"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z", event["time"]) for event in events)
    checkpoint = next(event for event in events if event["event"] == "checkpoint")
    assert {"step", "tier", "reason", "bytes", "seconds_blocked", "seconds_written"} <= checkpoint.keys()
