"""Both tools on the same folder, and what they made of it."""

import contextlib
import json
import re
import sqlite3
import subprocess
import tarfile
import uuid
from pathlib import Path

from click.testing import CliRunner
from megatron.energon import (Cooker, DefaultTaskEncoder, Sample, WorkerConfig, basic_sample_keys, edataclass, get_loader,
                              get_train_dataset, get_val_dataset, stateless)
from megatron.energon.tools.prepare import command as prepare_command

from conftest import BIN, command, ENVIRONMENT
from test_tar_scanner import SKIP_META, SPLIT_NAME, unhexed

TOOL = BIN / "dataset_tool"
SPLITS = ["train", "val", "test"]
DONE, USAGE, DATA, PARTIAL = 0, 2, 3, 7


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


def prepared_with(root, *words):
    """Energon's tool with these options and no others but those that keep it quiet."""
    result = CliRunner().invoke(prepare_command, [str(root), "--non-interactive", "--no-progress", "--num-workers", "1", *words])
    assert result.exit_code == 0, result.output
    return result.output


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


def media(root):
    with contextlib.closing(sqlite3.connect(f"file:{root}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)) as database:
        return (sorted(database.execute("SELECT * FROM media_metadata").fetchall()),
                database.execute("SELECT filter_id, strategy, patterns FROM media_filters").fetchall(),
                database.execute("SELECT * FROM sqlite_sequence").fetchall())
