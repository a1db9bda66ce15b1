"""Data sets for loader.py, written as fast as the disk allows: real tensors in ustar archives."""

import io
import pickle
import subprocess

import numpy as np
import torch

BLOCK = 512


def header(name, size):
    block = bytearray(BLOCK)
    block[0:len(name)] = name
    block[100:107], block[108:115], block[116:123] = b"0000644", b"0000000", b"0000000"
    block[124:135], block[136:147] = b"%011o" % size, b"00000000000"
    block[148:156], block[156:157], block[257:265] = b" " * 8, b"0", b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def member(name, content):
    return header(name, len(content)) + content + bytes(-len(content) % BLOCK)


def saved(tensor):
    buffer = io.BytesIO()
    torch.save(tensor, buffer)
    return buffer.getvalue()


def parts(size):
    """Of a sample: (extension, content)."""
    if size == "large":
        latent, text = torch.randn(16, 21, 60, 104).to(torch.bfloat16), np.random.rand(226, 4096).astype(np.float16)
    else:
        latent, text = torch.randn(16, 1, 2, 2).to(torch.bfloat16), np.random.rand(2, 16).astype(np.float16)
    about = b'{"caption": "a thing of some kind on another thing", "processed_height": 480, "processed_width": 832}'
    if size == "raw":  # three parts of about 200 bytes, which are no tensors
        return [(b"json", about.ljust(200)), (b"pickle", bytes(200)), (b"pth", bytes(200))]
    return [(b"json", about), (b"pickle", pickle.dumps(text)), (b"pth", saved(latent))]


def write(root, size, samples, shards, bin_folder):
    """Samples of a size ("raw" and "tiny": a few hundred bytes a part; "large": 6 MB), indexed by dfm_index."""
    root.mkdir(parents=True)
    contents = parts(size)
    per_shard = samples // shards
    for shard in range(shards):
        with open(root / f"shard-{shard:06}.tar", "wb") as file:
            for i in range(shard * per_shard, (shard + 1) * per_shard):
                file.write(b"".join(member(b"%06d.%s" % (i, extension), content) for extension, content in contents))
            file.write(bytes(2 * BLOCK))
    code = subprocess.run([bin_folder / "dfm_index", root], capture_output=True).returncode
    assert code == (7 if size == "raw" else 0)  # 7: those are no tensors
    return root
