"""A QuickTime file by hand: one track whose frames are PNG files, so that no pixel is lost, and turned if wished.

    quicktime([png_a, png_b], width=48, height=32, matrix=TURNED)
"""

import struct

UPRIGHT = (1, 0, 0, 1)
TURNED = (0, 1, -1, 0)  # a quarter to the right, as a phone held upright writes it


def atom(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, form, *values):
    """An atom with version 0 and no flags."""
    return atom(kind, struct.pack(">I" + form, 0, *values))


def fixed(matrix, height):
    a, b, c, d = (value << 16 for value in matrix)
    return a, b, 0, c, d, 0, (height << 16 if c < 0 else 0), 0, 1 << 30


def description(width, height):
    entry = struct.pack(">6xHHHIIIHHIIIH32sHh", 1, 0, 0, 0, 0, 512, width, height, 72 << 16, 72 << 16, 0, 1,
                        b"\3PNG", 24, -1)
    return atom(b"stsd", struct.pack(">II", 0, 1), atom(b"png ", entry))


def sample_table(frames, width, height, offset):
    count = len(frames)
    return atom(b"stbl", description(width, height), full(b"stts", "III", 1, count, 1),
                full(b"stsc", "IIII", 1, 1, count, 1),
                full(b"stsz", f"II{count}I", 0, count, *map(len, frames)), full(b"stco", "II", 1, offset))


def quicktime(frames, width, height, matrix=UPRIGHT, rate=8):
    kind = atom(b"ftyp", b"qt  ", struct.pack(">I", 512), b"qt  ")
    count = len(frames)
    table = sample_table(frames, width, height, len(kind) + 8)
    source = atom(b"dinf", atom(b"dref", struct.pack(">II", 0, 1), atom(b"url ", struct.pack(">I", 1))))
    information = atom(b"minf", atom(b"vmhd", struct.pack(">IHHHH", 1, 0, 0, 0, 0)), source, table)
    media = atom(b"mdia", full(b"mdhd", "IIIIHH", 0, 0, rate, count, 0, 0),
                 full(b"hdlr", "4s4sIIIx", b"mhlr", b"vide", 0, 0, 0), information)
    header = atom(b"tkhd", struct.pack(">IIIIII8xHHHH9iII", 7, 0, 0, 1, 0, count, 0, 0, 0, 0,
                                       *fixed(matrix, height), width << 16, height << 16))
    movie = full(b"mvhd", "IIIIIH10x9i24xI", 0, 0, rate, count, 1 << 16, 256, *fixed(UPRIGHT, 0), 2)
    return kind + atom(b"mdat", *frames) + atom(b"moov", movie, atom(b"trak", header, media))
