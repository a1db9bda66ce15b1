"""The tar scanner, member names and split files of src/data against Python's tarfile, re, random and PyYAML, through which the real
Energon goes.

Random parts print their seed; DFM_TEST_SEED repeats one.
"""

import io
import os
import random
import re
import subprocess
import tarfile

import pytest
import yaml
from braceexpand import braceexpand
from megatron.energon.bracecollapse import collapse

from conftest import BIN

TOOL = BIN / "dataset_tool"
SEED = int(os.environ.get("DFM_TEST_SEED", "20260801"))
BLOCK = 512

# megatron/energon/flavors/webdataset/config.py
SPLIT_NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")
SKIP_META = re.compile(r"__[^/]*__($|/)")


def hexed(text):
    return (text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")).hex()


def unhexed(text):
    return bytes.fromhex(text).decode("utf-8", "surrogateescape")


def ask(command, lines):
    lines = list(lines)
    result = subprocess.run([TOOL, command], input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                            errors="backslashreplace", timeout=600)
    assert result.returncode == 0, result.stderr
    answers = result.stdout.split("\n")[:-1]
    assert len(answers) == len(lines)
    return answers


def scanned(paths):
    """Per file: members as (name, offset, content offset, size), then the end offset or None for an error."""
    results = []
    for answer in ask("members", map(str, paths)):
        if answer.startswith("error"):
            results.append((None, answer))
            continue
        *members, end = answer.split(",")
        rows = [(unhexed(name), int(offset), int(content), int(size))
                for name, offset, content, size, *_ in (member.split(" ") for member in members)]
        results.append((rows, int(end.split(" ")[1])))
    return results


def of_tarfile(path):
    """The same from tarfile, walked as Energon does."""
    try:
        with open(path, "rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            rows = [(m.name, m.offset, m.offset_data, m.size) for m in tar if m.isreg()]
            return rows, tar.offset
    except (tarfile.TarError, ValueError, OverflowError, IndexError, RecursionError, OSError) as error:
        return None, repr(error)


def agree(ours, reference, what):
    if reference[0] is None:
        assert ours[0] is None, f"{what}: tarfile says {reference[1]}"
    else:
        assert ours == reference, what


def header(name, size=0, kind=b"0", prefix=b"", size_field=None, magic=b"ustar\x0000"):
    block = bytearray(BLOCK)
    block[0:len(name)] = name
    block[100:124] = b"0000644\0" b"0000000\0" b"0000000\0"
    block[124:136] = size_field or b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257:265] = magic
    block[345:345 + len(prefix)] = prefix
    return checked(block)


def checked(block):
    block = bytearray(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def pax(records, kind=b"x"):
    text = b""
    for keyword, value in records:
        body = b" " + keyword + b"=" + value + b"\n"
        length = len(body)
        while len(b"%d" % length) + len(body) != length:
            length = len(b"%d" % length) + len(body)
        text += b"%d" % length + body
    return header(b"pax", len(text), kind) + padded(text)


def member(name, data=b"1", **options):
    return header(name, len(data), **options) + padded(data)


END = bytes(2 * BLOCK)


def gnu_long(name, kind=b"L"):
    return header(b"././@LongLink", len(name) + 1, kind, magic=b"ustar  \0") + padded(name + b"\0")


def sparse_header(name, stored, pieces, real, goes_on=b"\0"):
    block = bytearray(header(name, stored, b"S", magic=b"ustar  \0"))
    for i, (offset, size) in enumerate(pieces):
        block[386 + 24 * i:410 + 24 * i] = b"%011o\0%011o\0" % (offset, size)
    block[482:483] = goes_on
    block[483:495] = b"%011o\0" % real
    return checked(block)


AWKWARD = {
    "plain": member(b"a.txt") + member(b"b.txt") + END,
    "no end mark": member(b"a.txt") + member(b"b.txt"),
    "one zero block": member(b"a.txt") + bytes(BLOCK),
    "only zeros": END,
    "short tail": member(b"a.txt") + b"tail",
    "two archives": member(b"a.txt") + END + member(b"b.txt") + END,
    "bad header": member(b"a.txt") + b"\1" * BLOCK + member(b"b.txt") + END,
    "empty member last": member(b"a.txt", b""),
    "prefix": member(b"b.txt", prefix=b"some/folder") + END,
    "contiguous": member(b"a.txt", kind=b"7") + END,
    "NUL type": member(b"a.txt", kind=b"\0") + END,
    "NUL folder": header(b"a.d/", 0, b"\0") + member(b"a.txt") + END,
    "folder with size": header(b"a.d/", 700, b"5") + member(b"a.txt") + END,
    "links": header(b"l.txt", 0, b"1") + header(b"s.txt", 0, b"2") + member(b"a.txt") + END,
    "unknown type": member(b"v.txt", b"y" * 600, kind=b"V") + member(b"a.txt") + END,
    "GNU long name": gnu_long(b"d/" * 80 + b"a.txt") + member(b"short") + member(b"b.txt") + END,
    "GNU long link and name": gnu_long(b"x" * 200, b"K") + gnu_long(b"y" * 150 + b".txt") + member(b"short") + END,
    "long name then nothing": member(b"a.txt") + gnu_long(b"y" * 150),
    "long name then zeros": member(b"a.txt") + gnu_long(b"y" * 150) + END,
    "pax path": pax([(b"path", b"p/\xc3\xa9.txt"), (b"mtime", b"1.5")]) + member(b"short") + END,
    "pax path with slash": pax([(b"path", b"p/q.txt//")]) + member(b"short") + END,
    "pax size": pax([(b"size", b"700")]) + header(b"a.txt", 0) + padded(b"z" * 700) + member(b"b.txt") + END,
    "pax size no number": pax([(b"size", b"7x")]) + header(b"a.txt", 0) + member(b"b.txt") + END,
    "pax size blanks": pax([(b"size", b" +7_0 ")]) + header(b"a.txt", 0) + padded(b"z" * 70) + END,
    "pax size past the end": pax([(b"size", b"70000")]) + member(b"a.txt") + END,
    "pax size huge": pax([(b"size", b"9" * 30)]) + member(b"a.txt") + END,
    "solaris pax": pax([(b"path", b"s.txt")], b"X") + member(b"short") + END,
    "pax binary": pax([(b"hdrcharset", b"BINARY"), (b"path", b"\xff.txt")]) + member(b"short") + END,
    "global": pax([(b"comment", b"hello")], b"g") + member(b"a.txt") + END,
    "global size": pax([(b"size", b"3")], b"g") + member(b"a.txt", b"y" * 600) + member(b"b.txt") + END,
    "global path": pax([(b"path", b"all.txt")], b"g") + member(b"a.txt") + member(b"b.txt") + END,
    "global then pax": pax([(b"comment", b"c")], b"g") + pax([(b"path", b"q.txt")]) + member(b"a.txt") + END,
    "pax then global": pax([(b"path", b"q.txt")]) + pax([(b"path", b"r.txt")], b"g") + member(b"a.txt") + member(b"b.txt") + END,
    "global size and pax": pax([(b"size", b"3")], b"g") + pax([(b"path", b"q.txt")]) + member(b"a.txt", b"y" * 600)
    + member(b"b.txt") + END,
    "global alone": pax([(b"comment", b"hello")], b"g") + END,
    "pax and long name": pax([(b"path", b"pax.txt")]) + gnu_long(b"gnu.txt") + member(b"a.txt") + END,
    "long name and pax": gnu_long(b"gnu.txt") + pax([(b"path", b"pax.txt")]) + member(b"a.txt") + END,
    "pax twice": pax([(b"path", b"one.txt")]) + pax([(b"path", b"two.txt")]) + member(b"a.txt") + END,
    "base 256 size": header(b"a.txt", size_field=b"\x80" + (700).to_bytes(11, "big")) + padded(b"q" * 700)
    + member(b"b.txt") + END,
    "base 256 huge": header(b"a.txt", size_field=b"\x80" + b"\x7f" + b"\xff" * 10) + END,
    "size without end": header(b"a.txt", size_field=b"000000000005") + padded(b"12345") + member(b"b.txt") + END,
    "size with blanks": header(b"a.txt", size_field=b"     5      ") + padded(b"12345") + member(b"b.txt") + END,
    "size empty": header(b"a.txt", size_field=bytes(12)) + member(b"b.txt") + END,
    "size with 0o": header(b"a.txt", size_field=b"0o5\0\0\0\0\0\0\0\0\0") + padded(b"12345") + member(b"b.txt") + END,
    "size garbage": header(b"a.txt", size_field=b"12345678912\0") + padded(b"12345") + END,
    "size garbage later": member(b"b.txt") + header(b"a.txt", size_field=b"12345678912\0") + padded(b"12345") + END,
    "old sparse": sparse_header(b"s.txt", 512, [(1024, 512)], 4096) + b"s" * 512 + member(b"a.txt") + END,
    "old sparse goes on": sparse_header(b"s.txt", 1024, [(0, 512), (1024, 256), (2048, 128), (3072, 64)], 9999, b"\1")
    + padded(b"%011o\0%011o\0" % (4096, 64)) + b"s" * 1024 + member(b"a.txt") + END,
    "pax sparse 0.0": pax([(b"GNU.sparse.size", b"2048"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.offset", b"1024"),
                           (b"GNU.sparse.numbytes", b"512"), (b"path", b"s.txt")])
    + header(b"short", 512) + b"s" * 512 + member(b"a.txt") + END,
    "pax sparse 0.1": pax([(b"GNU.sparse.map", b"0,100,1024,412"), (b"GNU.sparse.size", b"2048"), (b"GNU.sparse.name", b"s.txt")])
    + header(b"short", 512) + b"s" * 512 + member(b"a.txt") + END,
    "pax sparse 1.0": pax([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"s.txt"),
                           (b"GNU.sparse.realsize", b"3000")])
    + header(b"short", 1024) + padded(b"1\n1024\n512\n") + b"s" * 512 + member(b"a.txt") + END,
    "pax sparse 1.0 with size": pax([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"size", b"512"),
                                     (b"GNU.sparse.realsize", b"3000")])
    + header(b"short", 1024) + padded(b"1\n1024\n512\n") + b"s" * 512 + member(b"a.txt") + bytes(20 * BLOCK),
    "signed checksum": None,  # made below
}


def signed_checksum():
    block = bytearray(header(b"\xe9.txt", 1))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(b if b < 128 else b - 256 for b in block)
    return bytes(block) + padded(b"x") + END


AWKWARD["signed checksum"] = signed_checksum()


def write_all(folder, archives):
    paths = []
    for i, data in enumerate(archives):
        paths.append(folder / f"{i}.tar")
        paths[-1].write_bytes(data)
    return paths


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_archives_have_the_members_that_tarfile_finds(tmp_path, name):
    [path] = write_all(tmp_path, [AWKWARD[name]])
    agree(scanned([path])[0], of_tarfile(path), name)


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_all_formats_have_the_members_that_tarfile_finds(tmp_path, layout):
    rng = random.Random(SEED)
    archives = []
    for _ in range(50):
        buffer = io.BytesIO()
        headers = {"comment": "made by a test"} if layout == tarfile.PAX_FORMAT and rng.random() < 0.3 else None
        with tarfile.open(fileobj=buffer, mode="w", format=layout, pax_headers=headers) as tar:
            for i in range(rng.randrange(20)):
                longest = 90 if layout == tarfile.USTAR_FORMAT else 300
                name = "/".join(rng.choice(["d", "e.f", "__m__", "ü"]) for _ in range(rng.randrange(4)))
                info = tarfile.TarInfo(f"{name}/{i:0{rng.randrange(1, longest - 30)}}.{rng.choice(['txt', 'seg.json', 'pth'])}")
                info.size = rng.choice([0, 1, 511, 512, 513, rng.randrange(200000)])
                info.mtime = rng.choice([0, 1.5, 1700000000])
                if layout == tarfile.USTAR_FORMAT:
                    info.mtime = int(info.mtime)
                tar.addfile(info, io.BytesIO(rng.randbytes(info.size)))
        archives.append(buffer.getvalue())
    paths = write_all(tmp_path, archives)
    for path, ours in zip(paths, scanned(paths)):
        agree(ours, of_tarfile(path), path)


def test_truncated_archives_end_or_fail_where_tarfile_does(tmp_path):
    whole = b"".join(AWKWARD[name] for name in ("pax path", "GNU long name", "old sparse goes on", "pax sparse 1.0"))
    whole = whole.replace(END, b"")  # one archive
    cuts = sorted({*range(0, len(whole), 128), *(i + d for i in range(0, len(whole), BLOCK) for d in (-1, 1))} - {-1})
    paths = write_all(tmp_path, [whole[:cut] for cut in cuts])
    for cut, path, ours in zip(cuts, paths, scanned(paths)):
        agree(ours, of_tarfile(path), cut)


def is_stricter_on_purpose(message):
    """Damaged extended headers and negative sizes are errors here; tarfile guesses or stops in silence."""
    return any(text in message for text in ("extended header", "sparse", "negative"))


def test_damaged_archives_never_give_other_members_than_tarfile(tmp_path):
    print("seed", SEED)
    rng = random.Random(SEED)
    sources = [data for data in AWKWARD.values()]
    archives = []
    for _ in range(3000):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(len(data))
            data[at] = rng.choice([0, 1, 0x20, 0x30, 0x37, 0x38, 0x80, 0xff, rng.randrange(256)])
        if rng.random() < 0.7:  # so that the damage gets past the checksum
            for begin in range(0, len(data) - BLOCK + 1, BLOCK):
                if data[begin + 257:begin + 262] == b"ustar":
                    data[begin:begin + BLOCK] = checked(data[begin:begin + BLOCK])
        archives.append(bytes(data))
    paths = write_all(tmp_path, archives)
    for i, (path, ours) in enumerate(zip(paths, scanned(paths))):
        reference = of_tarfile(path)
        if ours != reference and not (ours[0] is None and (reference[0] is None or is_stricter_on_purpose(ours[1]))):
            pytest.fail(f"seed {SEED}, archive {i}: {ours} instead of {reference}")


def test_member_names_give_the_keys_of_the_reference():
    rng = random.Random(SEED)
    names = ["d/1.seg.json", "./2.txt", "/abs/3.txt", "e.f/1.txt", "4.", "5..txt", "d/._1.jpg", "d/.x", "x//.y", ".hid.txt", "noext",
             "a/b.c/d", "__meta__", "__meta__/x.txt", "__k__.txt", "q/__m__/7.txt", "____", "___", "__a__\n", "", "/", ".", "..", "\n"]
    names += ["".join(rng.choice("ab_./\n") for _ in range(rng.randrange(1, 14))) for _ in range(20000)]
    names += ["__" + "".join(rng.choice("a_/.\n") for _ in range(rng.randrange(8))) for _ in range(2000)]
    for name, answer in zip(names, ask("names", map(hexed, names))):
        match = None if SKIP_META.match(name) else SPLIT_NAME.match(name)
        expected = f"{hexed(match.group(1))} {hexed(match.group(2))}" if match else "-"
        assert answer == expected, repr(name)


def test_shuffles_like_the_random_module():
    counts = [0, 1, 2, 3, 10, 100, 1000, 4097]
    for count, answer in zip(counts, ask("shuffle", map(str, counts))):
        expected = list(range(count))
        random.Random(42).shuffle(expected)
        assert [int(word) for word in answer.split()] == expected


def test_expands_braces_like_braceexpand():
    rng = random.Random(SEED)
    expressions = ["s-{000..012}.tar", "{a..e}", "{Z..c..2}", "{3..1}", "{-2..2}", "{-02..10..3}", "{1..9..0}", "{1..9..-4}", "{a,b{1,2}}",
                   "{}", "{a}", "{a..bc}", r"\{1,2\}", r"{1\,2,3}", "a}b{c", "}{", "{", "x{0..0}y", "{1..2..}", "{1...3}", "{,a}", "\\",
                   "{99999999999999999999..100000000000000000001}", "{A..A}", "{e..A..2}", "{00..3}", "{-0..2}", "{a,b}{c,d}{1..3}"]
    pieces = ["{", "}", ",", "..", "a", "1", "03", "-2", "\\", "x", "{1..3}", "{a,b}", "z"]
    expressions += ["".join(rng.choice(pieces) for _ in range(rng.randrange(1, 9))) for _ in range(20000)]
    for expression, answer in zip(expressions, ask("expand", map(hexed, expressions))):
        try:
            expected = "".join(" " + hexed(name) for name in braceexpand(expression))
        except ValueError:
            expected = "error"
        assert answer == expected, repr(expression)


def random_names(rng):
    """Runs of numbered names with gaps, as shards are called, and some that are not."""
    names, number = [], rng.choice([0, 7, 95, 998])
    style = rng.choice(["s-{:06}.tar", "{}.tar", "p{}/s-{:03}.tar", "{0:02}-{0:02}.tar", "a{}b.tgz"])
    for i in range(rng.randrange(1, 25)):
        number += rng.choice([1, 1, 1, 1, 2, 0, -1])
        names.append(style.format(abs(number), i // 5))
    return names


def test_collapses_names_like_energon():
    rng = random.Random(SEED)
    lists = [["a-9.tar", "a-10.tar", "a-11.tar"]] + [random_names(rng) for _ in range(2000)]
    answers = ask("collapse", ["".join(" " + hexed(name) for name in names) for names in lists])
    for names, answer in zip(lists, answers):
        expressions = collapse(names, keep_order=True)
        assert [unhexed(word) for word in answer.split()] == expressions
        assert [name for e in expressions for name in braceexpand(e)] == names


def test_writes_split_yaml_like_pyyaml():
    rng = random.Random(SEED)
    odd = ["a b", "- x", "a: b", "a #b", "é", "x'y", "a\tb", " lead", "trail ", "!x", "&a", "*a", "?a", "? a", "%a", "@a", "`a", "-", "--- x",
           "...", "=", "a,b", "[br]", "😀", "~", '"q"', "'q'", "a:", "w " * 60, "'w " * 40, "é " * 60, "x\x7f", "#", "|", ">", "\u2028", "é" * 40,
           "\ufeff", "\x85\xa0", 'é"\\ ' * 25, "é  " * 30]
    names = [f"{name}.tar" for name in odd]
    alphabet = ["a", "b", " ", " ", "'", '"', "é", "#", ":", "-", "\t", "ab" * 20]
    names += ["".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 60))) + ".tar" for _ in range(3000)]
    for name, answer in zip(names, ask("split-yaml", [" " + hexed(name) for name in names])):
        expected = yaml.dump({"split_parts": {"train": [name], "val": []}, "exclude": []}, sort_keys=False)
        assert bytes.fromhex(answer).decode() == expected, repr(name)
