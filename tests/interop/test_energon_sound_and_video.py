"""Rows of media_metadata for sound and video, by dfm_index and by the real Megatron-Energon 7.4, which reads them with PyAV."""

import io
import json
import tarfile
from fractions import Fraction

import av
import numpy
import pytest

from energon_archives import write_shards
from energon_peer import indexed, media, prepared_with

OPTIONS = ["--split-ratio", "1,0,0", "--sample-type", "CrudeWebdataset"]
# name: container, video codec, frames a second, sound codec, samples a second, channels
KINDS = {
    "wav": ("wav", None, None, "pcm_s16le", 8000, 1),
    "flac": ("flac", None, None, "flac", 44100, 2),
    "mp3": ("mp3", None, None, "libmp3lame", 22050, 1),
    "ogg": ("ogg", None, None, "libopus", 48000, 1),
    "m4a": ("ipod", None, None, "aac", 44100, 2),
    "aac": ("adts", None, None, "aac", 16000, 1),
    "mp4": ("mp4", "libx264", 30, "aac", 48000, 2),
    "mp4-silent": ("mp4", "mpeg4", Fraction(30000, 1001), None, None, None),
    "mov": ("mov", "libx264", 24, "pcm_s16le", 8000, 1),
    "m4v": ("mp4", "mpeg4", 25, None, None, None),
    "mkv": ("matroska", "libx264", Fraction(24000, 1001), "flac", 16000, 2),
    "webm": ("webm", "libvpx-vp9", 15, "libopus", 48000, 1),
    "webm-silent": ("webm", "libvpx", 10, None, None, None),
    "avi": ("avi", "mpeg4", 12, "libmp3lame", 44100, 2),
}
# The libav in PyAV counts the padding at the ends of AAC and Opus in other ways than older ones do: by up to 7 ms.
PADDED = ("m4a-", "mp4-sample", "webm-sample")


def add_video(container, codec, rate):
    stream = container.add_stream(codec, rate=rate)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 5
    return stream


def encode_video(container, stream, count=13):
    rng = numpy.random.default_rng(3)
    for _ in range(count):
        frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3)).astype(numpy.uint8), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def encode_sound(container, stream, rate, channels, count=9000):
    layout = "stereo" if channels == 2 else "mono"
    wave = (8000 * numpy.sin(numpy.arange(count) / 9)).astype(numpy.int16)
    frame = av.AudioFrame.from_ndarray(numpy.repeat(wave, channels)[None, :], format="s16", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def made(container_format, video_codec, frame_rate, sound_codec, sample_rate, channels):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        video = add_video(container, video_codec, frame_rate) if video_codec else None
        sound = container.add_stream(sound_codec, rate=sample_rate, layout="stereo" if channels == 2 else "mono") if sound_codec else None
        if video:
            encode_video(container, video)
        if sound:
            encode_sound(container, sound, sample_rate, channels)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def archive():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in KINDS.items():
            content = made(*kind)
            for extension in (name.split("-")[0], "bin"):
                info = tarfile.TarInfo(f"{name}-sample.{extension}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("option", ["--media-metadata-by-extension", "--media-metadata-by-header"])
def test_sound_and_video_get_the_rows_that_energon_gives(tmp_path, archive, option):
    ours, theirs = (write_shards(tmp_path / who, {"s.tar": archive}) for who in ("ours", "theirs"))
    indexed(ours, *OPTIONS, option)
    prepared_with(theirs, *OPTIONS, option)
    mine, expected = ({row[0]: row[1:] for row in media(root)[0]} for root in (ours, theirs))
    assert len(expected) == len(KINDS) * (2 if option.endswith("header") else 1)
    assert mine.keys() == expected.keys()
    for name, (kind, text) in expected.items():
        assert mine[name][0] == kind
        if name.startswith(PADDED):
            assert json.loads(mine[name][1]) == pytest.approx(json.loads(text), abs=0.008), name
        else:
            assert mine[name][1] == text, name


def test_damaged_sound_and_video_have_no_row_and_do_not_harm_the_rest(tmp_path):
    whole = made(*KINDS["mp4"])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("1.mp4", whole), ("2.mp4", whole[: len(whole) // 3]), ("3.wav", b"RIFF"), ("4.mkv", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    root = write_shards(tmp_path, {"s.tar": buffer.getvalue()})
    assert "3 media parts have no row in media_metadata, the first: 2.mp4" in indexed(root, "--media-metadata-by-extension")
    [row] = media(root)[0]
    assert row[0] == "1.mp4" and json.loads(row[2])["video_num_frames"] == 13
