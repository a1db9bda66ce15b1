"""Makes the pictures of this folder with Pillow and numpy (python3 make_pictures.py); they are kept in the repository.

pattern: 6 x 4 pixels, red = 50 x, green = 80 y, blue = 10 (x + y).
photo: 33 x 21 pixels, smooth in both directions, for the formats that lose something.
resize_MODE_WxH: the middle of resize_source, as large as the aspect ratio allows, scaled by Pillow.
"""

import struct
import zlib

import numpy
from PIL import Image


def pattern():
    y, x = numpy.mgrid[0:4, 0:6]
    return numpy.stack([50 * x, 80 * y, 10 * (x + y)], axis=-1).astype(numpy.uint8)


def photo():
    y, x = numpy.mgrid[0:21, 0:33]
    return numpy.stack([7 * x, 12 * y, 255 - 4 * (x + y)], axis=-1).clip(0, 255).astype(numpy.uint8)


def lossless():
    rgb = Image.fromarray(pattern())
    alpha = numpy.full((4, 6), 255, numpy.uint8)
    alpha[0, :] = [0, 51, 102, 153, 204, 255]
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(alpha))
    rgb.save("rgb.png")
    rgb.save("rgb.bmp")
    rgb.save("rgb.tiff")
    rgb.save("deflate.tiff", compression="tiff_adobe_deflate")
    rgb.save("rgb.webp", lossless=True, exact=True)
    rgba.save("rgba.png")
    rgba.save("rgba.webp", lossless=True, exact=True)
    grey = Image.fromarray(pattern()[:, :, 0])
    grey.save("grey.png")
    Image.fromarray(pattern()[:, :, 0].astype(numpy.uint16) * 257).save("grey16.png")
    Image.fromarray(pattern()[:, :, 0] > 120).save("bilevel.png")
    Image.fromarray(pattern()[:, :, 0] > 120).save("bilevel.tiff")
    palette = rgb.quantize(24)
    palette.save("palette.png")
    palette.save("palette.gif")
    palette.save("palette.bmp")
    palette.save("transparent.png", transparency=palette.getpixel((0, 0)))
    palette.save("transparent.gif", transparency=palette.getpixel((0, 0)))
    turned = rgb.rotate(180)
    palette.save("animated.gif", save_all=True, append_images=[turned.quantize(24)])
    rgb.save("animated.webp", save_all=True, append_images=[turned], lossless=True)


def lossy():
    picture = Image.fromarray(photo())
    picture.save("photo.jpg", quality=95, subsampling=2)
    picture.save("photo_444.jpg", quality=95, subsampling=0)
    picture.save("progressive.jpg", quality=95, progressive=True)
    picture.save("photo.webp", quality=95)
    Image.open("photo.jpg").save("photo_jpg_by_pillow.png")
    Image.open("photo.webp").save("photo_webp_by_pillow.png")
    picture.convert("L").save("grey.jpg", quality=95)
    picture.convert("CMYK").save("cmyk.jpg", quality=95)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(f"orientation_{orientation}.jpg", quality=95, subsampling=0, exif=exif)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def save_16_bit_png(name, color_type, samples):
    """Pillow cannot write these."""
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)))
        file.write(png_chunk(b"IDAT", zlib.compress(rows)))
        file.write(png_chunk(b"IEND", b""))


def sixteen_bits():
    """The pattern times 257, and 128 more, which is still nearest to the same 8-bit value."""
    deep = pattern().astype(numpy.uint32) * 257 + 128
    save_16_bit_png("rgb48.png", 2, deep)
    alpha = numpy.full((4, 6, 1), 65535)
    alpha[0, :, 0] = 0
    save_16_bit_png("rgba64.png", 6, numpy.concatenate([deep, alpha], axis=-1))
    save_16_bit_png("grey_alpha_32.png", 4, numpy.concatenate([deep[:, :, :1], alpha], axis=-1))


def resized():
    random = numpy.random.default_rng(1)
    width, height = 37, 29
    source = Image.fromarray(random.integers(64, 192, (height, width, 3), dtype=numpy.uint8))
    source.save("resize_source.png")
    modes = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
    for mode, filter in modes.items():
        for to_width, to_height in [(16, 12), (50, 60)]:
            scale = min(width / to_width, height / to_height)
            left, top = (width - to_width * scale) / 2, (height - to_height * scale) / 2
            box = (left, top, width - left, height - top)
            source.resize((to_width, to_height), filter, box=box).save(f"resize_{mode}_{to_width}x{to_height}.png")


lossless()
lossy()
sixteen_bits()
resized()
