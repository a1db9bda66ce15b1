"""Data sets of awkward shards: what each function gives is a map from names of shards to their bytes."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import webdataset

from test_tar_scanner import BLOCK, END, gnu_long, header, member, padded, pax, sparse_header

GOLDEN = Path(__file__).parents[1] / "golden/energon"


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


def signed_sum(archive):
    """The first header with the checksum that Sun's tar wrote."""
    block = bytearray(archive[:BLOCK])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(b - 256 if b > 127 else b for b in block) & 0o777777)
    return bytes(block) + archive[BLOCK:]


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
    "names of 100 bytes and prefixes of 155": lambda: one_shard(
        member(b"n" * 96 + b".txt") + member(b"m" * 96 + b".txt", prefix=b"p" * 155) + member(b"short.txt", prefix=b"q" * 154 + b"/") + END),
    "GNU names of 256 bytes and 5,000": lambda: one_shard(
        gnu_long(b"n" * 252 + b".txt") + member(b"cut.txt") + gnu_long(b"d/" * 2498 + b".txt") + member(b"cut.txt") + member(b"3.txt") + END),
    "a GNU long link before a file": lambda: one_shard(
        gnu_long(b"target" * 40, b"K") + header(b"l.txt", 0, b"2") + gnu_long(b"t" * 200, b"K") + member(b"1.txt") + member(b"2.txt") + END),
    "capital letters": lambda: one_shard(member(b"1.JPG") + member(b"1.jpg") + member(b"1.Jpg") + member(b"A.txt") + member(b"a.txt") + END),
    "Unicode, composed and not": lambda: {f"s-{i}.tar": packed([f"{i}é.txt", f"{i}e\u0301.txt", f"{i}日本/語.jsön", f"{i}😀.txt"], layout)
                                          for i, layout in enumerate([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])},
    "many dots": lambda: one_shard(member(b"a.b.c.d.e") + member(b"a.b.c") + member(b"b...") + member(b"c.x..y") + END),
    "blanks in names": lambda: one_shard(member(b"a b.txt") + member(b"\ta.txt") + member(b" .txt") + member(b"c. txt") + member(b"d.txt ") + END),
    "line ends in names": lambda: one_shard(member(b"a\nb.txt") + member(b"c.t\nxt") + member(b"d/e\n/f.txt") + member(b"g.txt") + END),
    "headers of the first Unix": lambda: one_shard(member(b"1.txt", magic=bytes(8)) + header(b"d/", 0, b"\0", magic=bytes(8))
                                                   + member(b"2.txt", kind=b"\0", magic=bytes(8)) + END),
    "sums of signed bytes": lambda: one_shard(signed_sum(member("é.txt".encode())) + member(b"2.txt") + END),
    "numbers with blanks": lambda: one_shard(
        header(b"1.txt", size_field=b"    1274    ") + padded(b"q" * 700) + header(b"2.txt", size_field=b"1274 \0\0\0\0\0\0\0") + padded(b"q" * 700)
        + header(b"3.txt", size_field=b"000000001274") + padded(b"q" * 700) + END),
    "links between parts": lambda: one_shard(member(b"1.txt") + header(b"1.lnk", 0, b"1") + header(b"1.sym", 0, b"2") + member(b"1.json")
                                             + member(b"2.txt") + END),
    "devices and pipes": lambda: one_shard(header(b"c.txt", 0, b"3") + header(b"b.txt", 0, b"4") + header(b"p.txt", 0, b"6") + member(b"1.txt")
                                           + header(b"2.txt", 0, b"3") + END),
    "folders that look like samples": lambda: one_shard(header(b"1.txt", 0, b"5") + header(b"d.x/", 0, b"5") + member(b"d.x/1.txt") + END),
    "absolute names and two dots": lambda: one_shard(member(b"/1.txt") + member(b"//2.txt") + member(b"../3.txt") + member(b"a/../4.txt")
                                                     + member(b"..5.txt") + member(b"a/..6.txt") + END),
    "dots in front": lambda: one_shard(member(b"./1.txt") + member(b"./1.json") + member(b"././2.txt") + member(b"./.3.txt") + END),
    "hidden folders": lambda: one_shard(member(b".git/config.txt") + member(b".a/b.txt") + member(b"c/.d/e.txt") + END),
    "folders of other systems": lambda: one_shard(member(b"__MACOSX/._1.jpg") + member(b"__a__/1.txt") + member(b"__a__x/2.txt")
                                                  + member(b"__.txt") + member(b"____/3.txt") + member(b"_4_.txt") + END),
    "a hundred parts": lambda: one_shard(b"".join(member(b"1.%03d" % i) for i in range(100)) + END),
    "one part a sample": lambda: {"s.tar": packed([f"{i}.bin" for i in range(300)]), "t.tar": packed(["last.bin"])},
    "types of makers": lambda: one_shard(b"".join(member(b"%c.txt" % c, kind=b"%c" % c) for c in b"ADMNVZ") + member(b"1.txt") + END),
    "PAX times and owners": lambda: one_shard(
        pax([(b"mtime", b"1700000000.25"), (b"uid", b"5000000"), (b"uname", "jürgen".encode()), (b"comment", b"a=b=c")]) + member(b"1.txt")
        + pax([(b"atime", b"1.5"), (b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"), (b"path", b"2.long.txt")]) + member(b"x.txt") + END),
    "PAX path with a slash behind": lambda: one_shard(pax([(b"path", b"d/1.txt/")]) + member(b"x.txt") + member(b"2.txt") + END),
    "two global headers": lambda: one_shard(pax([(b"comment", b"a")], b"g") + pax([(b"comment", b"b")], b"g") + member(b"1.txt")
                                            + pax([(b"comment", b"c")], b"g") + member(b"1.json") + member(b"2.txt") + END),
    "PAX sparse 0.0": lambda: one_shard(
        pax([(b"GNU.sparse.size", b"2048"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.offset", b"512"), (b"GNU.sparse.numbytes", b"512"),
             (b"path", b"1.txt")]) + header(b"x.txt", 512) + b"s" * 512 + member(b"2.txt") + END),
    "an archive in the archive": lambda: one_shard(member(b"1.tar", member(b"in.txt") + END) + member(b"2.txt") + END),
    "headers in the payload": lambda: one_shard(member(b"1.txt", member(b"no.txt") * 3) + member(b"2.txt") + END),
    "payloads that end on a block": lambda: one_shard(b"".join(member(b"%d.bin" % n, b"x" * n) for n in (0, 1, 511, 512, 513, 1024)) + END),
    "shards deep down": lambda: {"a/" * depth + f"{depth}.tar": packed(files(10 * depth, 1)) for depth in range(12)},
    "keys with folders of their own": lambda: one_shard(member(b"a/1.txt") + member(b"b/1.txt") + member(b"a/b/1.txt") + member(b"1.txt") + END),
    "GNU tar, V7": lambda: one_shard(subprocess.run(
        ["tar", "--format=v7", "-C", Path(__file__).parent, "-cf", "-", "energon_peer.py", "test_energon.py"], capture_output=True,
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
