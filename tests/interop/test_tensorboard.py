"""The real TensorBoard reads the event files that src/report writes.

event_tool writes a run that is killed after step 8 (its values are off by 100) and a second one that resumes after step 5.
"""

import io
import math

import numpy
import pytest
from event_tool import run_event_tool
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.compat.proto import event_pb2

KEPT_OF_FIRST_RUN = 5
LAST_STEP = 10


def loss_at(step: int) -> float:
    return 1 / 3 / step + (100 if step <= KEPT_OF_FIRST_RUN else 0)


@pytest.fixture
def folder(tmp_path):
    run_event_tool("events", tmp_path)
    return tmp_path


def accumulate(folder):
    accumulator = event_accumulator.EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def scalars(accumulator, tag):
    return {event.step: event.value for event in accumulator.Scalars(tag)}


def raw_events(folder):
    for path in sorted(folder.iterdir()):
        for record in event_file_loader.RawEventFileLoader(str(path)).Load():
            yield event_pb2.Event.FromString(record)


def test_tags_are_those_written(folder):
    tags = accumulate(folder).Tags()
    assert set(tags["scalars"]) == {"train/loss", "validation/loss"}
    assert tags["images"] == ["validation/sample"]


def test_values_are_the_float32_of_those_written(folder):
    read = scalars(accumulate(folder), "train/loss")
    assert list(read) == list(range(1, LAST_STEP + 1))
    for step, value in read.items():
        assert numpy.float32(value) == numpy.float32(loss_at(step))


def test_steps_after_the_resume_are_purged(folder):
    read = scalars(accumulate(folder), "validation/loss")
    assert list(read) == [2, 4, 6, 8, 10]
    assert [value > 100 for value in read.values()] == [True, True, False, False, False]


def test_images_are_purged_and_whole(folder):
    images = accumulate(folder).Images("validation/sample")
    assert [image.step for image in images] == [4, 8]
    assert [(image.width, image.height) for image in images] == [(2, 1)] * 2
    decoded = Image.open(io.BytesIO(images[0].encoded_image_string)).convert("RGB")
    assert [decoded.getpixel((x, 0)) for x in range(2)] == [(255, 0, 0), (0, 0, 255)]


def test_colours_of_an_image_are_rgb(folder):
    images = [value.image for event in raw_events(folder) for value in event.summary.value if value.HasField("image")]
    assert {image.colorspace for image in images} == {3}


def test_every_record_has_the_wall_time_of_now(folder):
    written = max(path.stat().st_mtime for path in folder.iterdir())
    for event in raw_events(folder):
        assert math.isclose(event.wall_time, written, abs_tol=60)


def test_files_open_with_version_and_session_start(folder):
    events = list(raw_events(folder))
    assert events[0].file_version == "brain.Event:2"
    starts = [event for event in events if event.HasField("session_log")]
    assert [event.step for event in starts] == [1, KEPT_OF_FIRST_RUN + 1]
    assert all(event.session_log.status == 1 for event in starts)


def test_a_record_torn_by_the_kill_does_not_hide_the_second_run(folder):
    first = min(folder.iterdir())
    first.write_bytes(first.read_bytes()[:-7])
    assert list(scalars(accumulate(folder), "train/loss")) == list(range(1, LAST_STEP + 1))
