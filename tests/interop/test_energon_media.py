"""Tables of media metadata in index.sqlite, by dfm_index and by the real Megatron-Energon 7.4."""

import io
import sqlite3
import struct
import tarfile

import numpy
import pytest
from PIL import Image

from energon_archives import write_shards
from energon_peer import indexed, media, prepared_with, tables, USAGE

OPTIONS = ["--split-ratio", "1,0,0", "--sample-type", "CrudeWebdataset"]


def picture(mode, size=(37, 23)):
    rng = numpy.random.default_rng(7)
    width, height = size
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (height, width)).astype(numpy.uint16))
    return Image.fromarray(rng.integers(0, 256, (height, width, 3)).astype(numpy.uint8)).convert(mode)


def encoded(mode, form, **options):
    buffer = io.BytesIO()
    picture(mode).save(buffer, form, **options)
    return buffer.getvalue()


def grey_ramp_gif():
    image = Image.new("L", (16, 16))
    image.putdata(range(256))
    buffer = io.BytesIO()
    image.save(buffer, "GIF")
    return buffer.getvalue()


def moving_gif():
    buffer = io.BytesIO()
    picture("RGB").save(buffer, "GIF", save_all=True, append_images=[picture("RGB"), picture("L")], duration=40, loop=0, comment=b"c" * 300)
    return buffer.getvalue()


def core_bitmap():
    """As OS/2 wrote them."""
    rows = b"".join(bytes(range(9)) + bytes(3) for _ in range(2))
    return b"BM" + struct.pack("<IHHI", 26 + len(rows), 0, 0, 26) + struct.pack("<IHHHH", 12, 3, 2, 1, 24) + rows


def bitmap_of_runs():
    palette = b"".join(bytes((i, 0, 255 - i, 0)) for i in range(256))
    runs = b"\x04\x07\0\0" * 2 + b"\0\x01"
    header = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 14 + 40 + len(palette) + len(runs), 0, 0, 54 + len(palette)) + header + palette + runs


PICTURES = {
    **{f"png-{mode}": ("png", encoded(mode, "PNG")) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    "png-deep": ("PNG", encoded("P", "PNG", bits=4)),
    **{f"jpg-{mode}": ("jpg", encoded(mode, "JPEG")) for mode in ("L", "RGB", "CMYK")},
    "jpg-progressive": ("jpeg", encoded("RGB", "JPEG", progressive=True)),
    "jpg-long-header": ("jpg", encoded("RGB", "JPEG", exif=b"Exif\0\0" + b"x" * 60000, icc_profile=b"i" * 100000)),
    **{f"gif-{mode}": ("gif", encoded(mode, "GIF")) for mode in ("1", "L", "P", "RGB")},
    "gif-ramp": ("gif", grey_ramp_gif()),
    "gif-moving": ("gif", moving_gif()),
    **{f"bmp-{mode}": ("bmp", encoded(mode, "BMP")) for mode in ("1", "L", "P", "RGB")},
    **{f"tiff-{mode}": ("tif", encoded(mode, "TIFF")) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr", "LAB")},
    "tiff-float": ("tiff", encoded("F", "TIFF")),
    "tiff-int": ("tiff", encoded("I", "TIFF")),
    "tiff-big": ("tif", encoded("RGB", "TIFF", big_tiff=True)),
    "tiff-turned": ("tif", encoded("RGB", "TIFF", tiffinfo={274: 6})),
    **{f"tiff-{name}": ("tif", encoded("RGB", "TIFF", compression=name)) for name in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits")},
    "tiff-fax": ("tif", encoded("1", "TIFF", compression="group4")),
    "ico-png": ("ico", encoded("RGBA", "ICO", sizes=[(16, 16), (32, 20), (24, 24)])),
    "ico-bmp": ("ico", encoded("RGB", "ICO", sizes=[(16, 16), (32, 20)], bitmap_format="bmp")),
    **{f"jp2-{mode}": ("jp2", encoded(mode, "JPEG2000")) for mode in ("L", "LA", "RGB", "RGBA", "I;16")},
    **{f"j2k-{mode}": ("j2k", encoded(mode, "JPEG2000", no_jp2=True)) for mode in ("L", "RGB")},
    "bmp-alpha": ("bmp", encoded("RGBA", "BMP")),
    "bmp-core": ("bmp", core_bitmap()),
    "bmp-runs": ("bmp", bitmap_of_runs()),
    "webp-lossy": ("webp", encoded("RGB", "WEBP")),
    "webp-lossless": ("webp", encoded("RGB", "WEBP", lossless=True)),
    "webp-alpha": ("webp", encoded("RGBA", "WEBP", lossless=True)),
    "webp-lossy-alpha": ("webp", encoded("RGBA", "WEBP")),
    "webp-exif": ("webp", encoded("RGB", "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")),
}


KNOWN_BY_EXTENSION_ALONE = ("tiff-big", "j2k-L", "j2k-RGB")


def shards():
    made = {}
    for number, group in enumerate((list(PICTURES)[::2], list(PICTURES)[1::2])):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name in group:
                extension, data = PICTURES[name]
                for suffix, content in ((extension, data), ("txt", b"a text"), ("bin", data)):
                    info = tarfile.TarInfo(f"{name}.{suffix}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        made[f"s-{number}.tar"] = buffer.getvalue()
    return made


@pytest.mark.parametrize("option", ["--media-metadata-by-extension", "--media-metadata-by-header"])
def test_pictures_get_the_rows_that_energon_gives(tmp_path, option):
    ours, theirs = (write_shards(tmp_path / who, shards()) for who in ("ours", "theirs"))
    indexed(ours, *OPTIONS, option)
    prepared_with(theirs, *OPTIONS, option)
    assert dict((row[0], row[2]) for row in media(ours)[0]) == dict((row[0], row[2]) for row in media(theirs)[0])
    assert media(ours) == media(theirs)
    assert tables(ours) == tables(theirs)
    by_bytes = len(PICTURES) - len(KNOWN_BY_EXTENSION_ALONE) if option.endswith("header") else 0
    assert len(media(ours)[0]) == len(PICTURES) + by_bytes


def test_patterns_choose_by_name_where_energon_fails(tmp_path):
    root = write_shards(tmp_path, shards())
    indexed(root, "--media-metadata-by-glob", "png-*.png,*.bin")
    names = {row[0] for row in media(root)[0]}
    assert names == {f"{name}.bin" for name in PICTURES if name not in KNOWN_BY_EXTENSION_ALONE} | {f"{name}.{PICTURES[name][0]}" for name in PICTURES if PICTURES[name][0].lower() == "png"}
    assert media(root)[1] == [(1, "GLOB", "png-*.png,*.bin")]


@pytest.mark.parametrize("ranks", [2, 3])
def test_any_number_of_ranks_and_a_second_run_give_the_same_rows(tmp_path, ranks):
    one, several = (write_shards(tmp_path / str(n), shards()) for n in (1, ranks))
    indexed(one, "--media-metadata-by-extension")
    indexed(several, "--media-metadata-by-extension", ranks=ranks)
    assert media(one) == media(several)
    assert "2 shards had not changed" in indexed(several, "--media-metadata-by-extension")
    assert media(one) == media(several)
    indexed(several)
    with pytest.raises(sqlite3.OperationalError):
        media(several)


def test_media_that_cannot_be_read_are_counted(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("1.jpg", encoded("RGB", "JPEG")), ("2.jpg", b"no picture"), ("3.mp4", b"no video"), ("4.png", b"\x89PNG\r\n\x1a\n")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    root = write_shards(tmp_path, {"s.tar": buffer.getvalue()})
    assert "3 media parts have no row in media_metadata, the first: 2.jpg (its header" in indexed(root, "--media-metadata-by-extension")
    assert [row[0] for row in media(root)[0]] == ["1.jpg"]


def test_two_ways_to_find_media_are_refused(tmp_path):
    root = write_shards(tmp_path, shards())
    indexed(root, "--media-metadata-by-extension", "--media-metadata-by-header", code=USAGE)
    indexed(root, "--media-metadata-by-extension", "--tar-index-only", code=USAGE)
