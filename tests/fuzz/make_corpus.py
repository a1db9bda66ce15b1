"""Makes the seed corpora in tests/fuzz/corpus from what the real tools write: small files, so that they are mutated
quickly. Inputs that once broke a reader lie beside them as regression-*, and stay.

    .deps/venv/bin/python tests/fuzz/make_corpus.py
"""

import io
import json
import pickle
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy
import sentencepiece
import torch
import torch.distributed.checkpoint as dcp
from PIL import Image
from safetensors.torch import save as save_safetensors

CORPUS = Path(__file__).parent / "corpus"
GOLDEN = Path(__file__).parents[1] / "golden/energon/plain/.nv-meta"


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def torch_bytes(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def tar_bytes(tar_format, names, **fields):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 5
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(b"hello"))
    content = out.getvalue().rstrip(b"\0")
    return content.ljust(-(-len(content) // 512) * 512 + 1024, b"\0")


def sparse_tar(version):
    """GNU sparse files: the old kind (a map in the header) and PAX 1.0 (a map before the content)."""
    if version == 1:
        blocks = b"2\n0\n3\n4096\n2\n".ljust(512, b"\0") + b"abcde".ljust(512, b"\0")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo("GNUSparseFile.0/a.bin")
            member.size = 512 + 5
            member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a.bin",
                                  "GNU.sparse.realsize": "4098"}
            archive.addfile(member, io.BytesIO(blocks))
        return out.getvalue()[:4096]
    header = bytearray(tar_bytes(tarfile.GNU_FORMAT, ["a.bin"])[:512])
    header[156:157] = b"S"
    header[386:386 + 48] = b"".join(b"%011o\0" % n for n in (0, 3, 4096, 2))
    header[483:495] = b"%011o\0" % 4098
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"hello".ljust(512, b"\0") + b"\0" * 1024


def tars():
    names = ["000000.json", "000000.pth", "000001.json", "000001.pth"]
    long_name = "a" * 120 + ".json"
    seeds = {
        "ustar": tar_bytes(tarfile.USTAR_FORMAT, names),
        "gnu-long": tar_bytes(tarfile.GNU_FORMAT, ["0.json", long_name]),
        "pax": tar_bytes(tarfile.PAX_FORMAT, ["é.json", "é.pth"], mtime=1.5),
        "pax-long": tar_bytes(tarfile.PAX_FORMAT, [long_name]),
        "link": tar_bytes(tarfile.USTAR_FORMAT, ["../../a.json"], type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
        "gnu-sparse": sparse_tar(0),
        "pax-sparse": sparse_tar(1),
        "empty": b"\0" * 1024,
    }
    for name, content in seeds.items():
        put("tar", name, content)
        put("shard", name, content)


def archives():
    members = {"a.png": b"x" * 100, "b/c.txt": b"red"}
    for mode in ("gz", "bz2", "xz"):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=f"w:{mode}") as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        put("archive", f"tar-{mode}", out.getvalue())
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        put("archive", f"zip-{name}", out.getvalue())


def indexes():
    put("idx", "two-samples", struct.pack("<3Q", 0, 2048, 4096))
    put("idx", "one-sample", struct.pack("<3Q", 8192, 2048, 4096)[:16])


def pickles():
    tensor = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    array = numpy.arange(6, dtype=numpy.float16).reshape(2, 3)
    for protocol in (2, 4):
        put("pickle", f"numpy-{protocol}", pickle.dumps(array, protocol))
        put("pickle", f"torch-{protocol}", pickle.dumps(tensor, protocol))
        put("pickle", f"values-{protocol}",
            pickle.dumps({"a": [1, 2.5, None, True, "é", b"x"], "b": (1 << 70, -3, {})}, protocol))
    put("pickle", "fortran", pickle.dumps(numpy.asfortranarray(array), 4))
    put("pickle", "big-endian", pickle.dumps(array.astype(">f4"), 4))
    put("pickle", "scalar", pickle.dumps(numpy.float32(1.5), 4))
    put("pickle", "buffer-5", pickle.dumps(array, 5))
    put("pth", "zip", torch_bytes(tensor))
    put("pth", "zip-view", torch_bytes(tensor.t()))
    put("pth", "legacy", torch_bytes(tensor, _use_new_zipfile_serialization=False))
    put("pth", "parameter", torch_bytes(torch.nn.Parameter(torch.ones(2))))
    state = {"model": {"a.weight": torch.ones(2, 2), "b": torch.ones(3, dtype=torch.float16)}, "step": 3}
    put("torch_checkpoint", "zip", torch_bytes(state))
    put("torch_checkpoint", "legacy", torch_bytes(state, _use_new_zipfile_serialization=False))


def checkpoints():
    state = {"a": torch.ones(4, 2), "b": torch.zeros(3, dtype=torch.bfloat16), "step": 7}
    with tempfile.TemporaryDirectory() as folder:
        dcp.save(state, checkpoint_id=folder)
        put("dcp_metadata", "two-tensors", (Path(folder) / ".metadata").read_bytes())
    put("safetensors", "two", save_safetensors({"a": torch.ones(2, 2), "b": torch.ones(3, dtype=torch.bfloat16)},
                                               metadata={"step": "1"}))
    put("safetensors", "none", save_safetensors({}))
    body = {"format": 1, "step": 3, "consumed_samples": 12, "ranks": 1, "seconds_trained": 1.5,
            "grid": {"tensor": 1, "context": 1, "data": 1, "pipeline": 1}, "saved_at": "2026-01-01T00:00:00Z",
            "reason": "stop", "hosts": ["a"], "data_fingerprint": "x", "bad_samples": ["k"],
            "config": {"model.name": "dit"},
            "files": [{"name": "rank_00000.h5", "bytes": 9, "xxh3": "0" * 16, "head_bytes": 4, "head_xxh3": "0" * 16}]}
    put("manifest", "whole", json.dumps({"checkpoint": body, "xxh3": "0" * 16}))
    put("rank_file", "zeros", b"\x89HDF\r\n\x1a\n".ljust(4096, b"\0"))


def texts():
    put("json", "values", '{"a": [1, -2.5e3, null, true, "\\u00e9\\ud83d\\ude00"], "b": {}}')
    put("json", "scalar", "18446744073709551616")
    put("wan_config", "small", json.dumps({"_class_name": "WanTransformer3DModel", "attention_head_dim": 16, "cross_attn_norm": True,
                                          "eps": 1e-6, "ffn_dim": 80, "freq_dim": 32, "image_dim": None, "in_channels": 16,
                                          "num_attention_heads": 3, "num_layers": 2, "patch_size": [1, 2, 2], "text_dim": 24}))
    put("python_json", "values", '{"a": [NaN, -Infinity, 1e5], "b\\"": {"a": 1, "a": null}, "NaN": "Infinity"}')
    put("yaml", "nested", "model:\n  name: dit\n  sizes: [1, 2]\ndata:\n  path: ${oc.env:NOWHERE,${oc.env:HOME,x}}\n")
    put("yaml", "alias", "a: &x [1, 2]\nb: *x\nc: {<<: &y {d: 1}}\n")
    put("ini", "plain", "; a comment\n[model]\nname = dit\ntext = \" a;b\\n\"\n[recipe]\nbase = x # y\n")
    for target, name in (("info", ".info.json"), ("split", "split.yaml")):
        put(target, "golden", (GOLDEN / name).read_bytes())
    put("legacy_info", "two", "shard_counts:\n  a.tar: 2\n  b/c.tar: 3\n")
    put("split", "braces", "exclude: [a-0.tar/k]\nsplit_parts:\n  train: ['a-{0..3}.tar']\n  val: []\n  test: []\n")
    put("split_json", "two", '{"split_parts": {"train": ["a-{00..02}.tar"], "val": []}, "exclude": []}')
    blend = "__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n  train:\n    {}:\n" \
            "      - {{weight: 3, path: ./a, subflavors: {{x: 1}}, split_part: val, subset: {{range: ['10%', end]}}}}\n" \
            "      - {{{}: 2, path: b}}\n  val:\n    path: c\n"
    put("metadataset", "blend", blend.format("blend", "weight"))
    put("metadataset", "epochized", blend.format("blend_epochized", "repetitions").replace("weight: 3", "repetitions: 1.5"))
    put("metadataset", "version-1", "__class__: Metadataset\nsplits:\n  train:\n    datasets:\n"
        "      - {weight: 1, path: a}\n      - {weight: 2, path: b, subflavor: y}\n")
    for i, expression in enumerate(["a-{000..002}.tar", "{a,b{1..3},}x", "{z..a..-2}\\{\\}", "{10..1}{a..c}"]):
        put("braces", f"expression-{i}", expression)


def captions():
    put("captions", "csv", 'file_name,text\n"a, b.png","a ""red"" one"\nc.png,two\n')
    put("captions", "jsonl", '{"file_name": "a.png", "text": "red"}\n{"file_name": "b.png", "text": "blue"}\n')


def pictures():
    for mode, form, options in [("P", "PNG", {}), ("RGB", "JPEG", {}), ("P", "GIF", {}), ("P", "BMP", {}), ("RGBA", "BMP", {}), ("RGB", "WEBP", {}),
                                ("RGBA", "TIFF", {}), ("I;16", "TIFF", {"big_tiff": True}), ("RGBA", "ICO", {"sizes": [(3, 2)]}),
                                ("RGB", "ICO", {"sizes": [(3, 2)], "bitmap_format": "bmp"}), ("L", "JPEG2000", {}),
                                ("RGB", "JPEG2000", {"no_jp2": True})]:
        out = io.BytesIO()
        Image.new(mode, (3, 2)).save(out, form, **options)
        put("image_header", f"{form.lower()}-{mode.lower().replace(';', '')}-{len(options)}", out.getvalue())


def piece_models():
    """With a small table of characters, and with pieces of all types."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        rules.write_text("41\t61\n43\t63\nFB01\t66 69\n41 42\t61 62 62\n20 20\t20\n")
        options = {"characters": {"normalization_rule_tsv": str(rules)},
                   "bytes": {"normalization_rule_name": "identity", "byte_fallback": True, "user_defined_symbols": ["<x>", "ab"],
                             "control_symbols": ["<c>"], "self_test_sample_size": 2}}
        for name, more in options.items():
            model = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(["a red cube", "abc ab a", "a bad cab", "red bed"] * 3), model_writer=model, pad_id=0, eos_id=1,
                unk_id=2, bos_id=-1, vocab_size=30 + 258 * (name == "bytes"), hard_vocab_limit=False, num_threads=1, minloglevel=2, **more)
            put("piece_model", name, model.getvalue())


def own_files():
    """dfm_shapes.bin (its target mends the checksum), and the samples in a record of dfm_index."""
    rows = struct.pack("<10I", 16, 1, 4, 4, 8, 16, 1, 4, 4, 8)
    table = struct.pack("<QQQI", 2, 4096, 0, 5) + b"a.tar"
    header = b"DFMSHAPE" + struct.pack("<IIQQQQ", 1, 64, 1, 2, len(table), 0)
    put("shapes", "one-shard", header + table + rows)
    summary = {"skip_reason": "", "samples": 2, "end_offset": 4096, "lost_bytes": 0, "extensions": ["pth"], "warnings": [],
               "samples_with_tensors": 2, "samples_without_shape": 0, "unreadable": [], "text_widths": [[8, "0"]],
               "rows_hash": 0, "samples_hash": 0}
    head = json.dumps({"name": "a.tar", "size": 8192, "changed_ns": 1, "has_shapes": False,
                       "summary": json.dumps(summary)}).encode()
    put("record", "no-samples", b"DFMROWS1" + b"\0" * 8 + struct.pack("<QQ", len(head), 0) + head)
    put("rows", "two-samples", b"\x016\x02\x03pth\x80\x04\x05\x04json\x80\x08\x05" * 2)


if __name__ == "__main__":
    for make in (tars, archives, indexes, pickles, checkpoints, texts, captions, pictures, piece_models, own_files):
        make()
