"""The tensor files of src/data against torch and numpy themselves."""

import io
import pickle
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import BIN

TOOL = BIN / "tensor_file_tool"

TORCH_TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16,
               torch.int8, torch.uint8, torch.bool]
NUMPY_TYPES = ["float32", "float16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]
PROTOCOLS = [2, 3, 4, 5]
DATA_ERROR = 3


def tool(*words):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=60)


def ok(*words):
    result = tool(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def refused(kind, path):
    result = tool(f"read-{kind}", path, path.with_suffix(".raw"))
    assert result.returncode == DATA_ERROR, result.stdout + result.stderr
    assert str(path) in result.stderr
    return result.stderr


def description(dtype, shape):
    return f"{str(dtype).removeprefix('torch.')} {list(shape)}"


def raw(value):
    """Elements in row-major order."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tobytes()
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def check(kind, path, value):
    """The file at path holds value: elements, and the header alone."""
    elements = path.with_suffix(".raw")
    dtype = value.dtype.newbyteorder("=") if isinstance(value, np.ndarray) else value.dtype
    expected = description(dtype, value.shape)
    assert ok(f"read-{kind}", path, elements) == expected
    native = value.astype(dtype) if isinstance(value, np.ndarray) else value
    assert elements.read_bytes() == raw(native)
    header, read_bytes = ok(f"header-{kind}", path).rsplit(" ", 1)
    assert header == expected
    return int(read_bytes)


def tensor(dtype, *shape):
    count = int(np.prod(shape, dtype=int))
    values = torch.randn(count, generator=torch.Generator().manual_seed(count)) * 50
    return (values > 0).reshape(shape) if dtype == torch.bool else values.to(dtype).reshape(shape)


def views():
    base = tensor(torch.float32, 4, 6, 5)
    return {
        "whole": base,
        "transposed": base.permute(2, 0, 1),
        "narrowed": base[1:3],
        "narrowed inside": base[:, 2:4, 1:],
        "with steps": base[::2, ::3, ::2],
        "one row": base[3, 2],
        "one element": base[3, 2, 1],
        "a scalar": torch.tensor(1.5),
        "empty": torch.empty(0),
        "empty in the middle": torch.empty(3, 0, 2),
        "empty slice": base[2:2],
        "expanded": base[:, :1, :1].expand(4, 7, 3),
        "diagonal": torch.diagonal(base, 0, 0, 2),
        "channels last": tensor(torch.bfloat16, 2, 3, 4, 5).to(memory_format=torch.channels_last),
        "many dimensions": tensor(torch.int16, *[1, 2] * 8).transpose(1, 15),
        "extents of one": base.as_strided((1, 6, 1), (1000, 5, 7)),
        "with gradient": base.clone().requires_grad_(),
        "parameter": torch.nn.Parameter(tensor(torch.float16, 3, 2)),
    }


@pytest.fixture(params=[True, False], ids=["zip", "stream"])
def save(request, tmp_path):
    def to_file(value, **options):
        path = tmp_path / "value.pth"
        torch.save(value, path, _use_new_zipfile_serialization=request.param, **options)
        return path

    return to_file


@pytest.mark.parametrize("dtype", TORCH_TYPES, ids=str)
def test_torch_save_of_each_type_is_read(save, dtype):
    value = tensor(dtype, 3, 5)
    check("pth", save(value), value)


@pytest.mark.parametrize("name", views())
def test_torch_save_of_each_view_is_read(save, name):
    value = views()[name]
    check("pth", save(value), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_torch_save_in_each_protocol_is_read(save, protocol):
    value = tensor(torch.bfloat16, 4, 4).T
    check("pth", save(value, pickle_protocol=protocol), value)


def test_a_tensor_and_a_parameter_with_attributes_are_read(save):
    value = tensor(torch.float32, 2, 2)
    value.caption = "a cat"
    check("pth", save(value), value)
    parameter = torch.nn.Parameter(tensor(torch.float32, 2, 2))
    parameter.caption = {"text": ["a", "cat"]}
    check("pth", save(parameter), parameter)


def test_a_tensor_saved_to_a_stream_and_without_checksums_is_read(tmp_path):
    value = tensor(torch.float32, 100)
    stream = io.BytesIO()
    torch.save(value, stream)
    path = tmp_path / "stream.pth"
    path.write_bytes(stream.getvalue())
    check("pth", path, value)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(value, path)
    finally:
        torch.serialization.set_crc32_options(True)
    check("pth", path, value)


def test_a_header_needs_a_few_kibibytes_of_a_large_file(save, tmp_path):
    value = torch.zeros(1 << 20)
    assert check("pth", save(value), value) <= 2 * 4096
    array = np.zeros(1 << 20, dtype="float32")
    for protocol in PROTOCOLS:
        path = tmp_path / "array.pickle"
        path.write_bytes(pickle.dumps(array, protocol))
        assert check("pickle", path, array) <= 2 * 4096
    path.write_bytes(pickle.dumps(value, 4))
    assert check("pickle", path, value) <= 2 * 4096


@pytest.mark.parametrize("value, held", [
    ([tensor(torch.float32, 2)], "a list"), ((tensor(torch.float32, 2),), "a tuple"), ({"x": torch.ones(1)}, "a dict"),
    (OrderedDict(x=torch.ones(1)), "a dict"), (3, "an integer"), ("text", "text"), (None, "None")], ids=str)
def test_what_is_not_one_tensor_is_refused(save, value, held):
    assert f"it holds {held}, not one tensor" in refused("pth", save(value))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.uint16, torch.uint64, torch.float8_e4m3fn], ids=str)
def test_other_element_types_are_refused(save, dtype):
    assert "is an element type that is not supported" in refused("pth", save(torch.zeros(4).to(dtype)))


def test_what_torch_saves_but_is_no_plain_tensor_is_refused(save):
    assert "is not allowed" in refused("pth", save(torch.eye(3).to_sparse()))
    assert "_rebuild_qtensor is not allowed" in refused("pth", save(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)))
    assert "'neg'" in refused("pth", save(torch._neg_view(torch.ones(3))))
    assert "torch.nn.modules.linear.Linear is not allowed" in refused("pth", save(torch.nn.Linear(2, 2)))


def test_tensors_that_share_a_storage_are_read(tmp_path):
    base = tensor(torch.float32, 6)
    path = tmp_path / "shared.pickle"
    path.write_bytes(pickle.dumps([base[4:], base[:2]]))
    check("pickle", path, base[4:])
    stream = io.BytesIO()
    torch.save([base[4:], base[:2]], stream)
    path.write_bytes(stream.getvalue())
    assert "it holds a list, not one tensor" in refused("pth", path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", views())
def test_pickled_tensors_are_read(tmp_path, protocol, name):
    value = views()[name]
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    check("pickle", path, value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", TORCH_TYPES, ids=str)
def test_pickled_tensors_of_each_type_are_read(tmp_path, protocol, dtype):
    value = tensor(dtype, 3, 40)
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    check("pickle", path, value)


def arrays():
    base = np.arange(-60, 60, dtype="float32").reshape(4, 6, 5)
    return {
        "whole": base,
        "transposed": base.T,
        "column-major": np.asfortranarray(base),
        "axes mixed": base.transpose(1, 0, 2),
        "with steps": base[::2, ::-1, 1:3],
        "a scalar array": np.array(2.5, dtype="float16"),
        "empty": np.zeros((0, 3), dtype="int64"),
        "empty column-major": np.zeros((2, 0, 3), dtype="int64", order="F"),
        "big-endian": base.astype(">f4"),
        "big-endian, transposed": base.astype(">i2").T,
        "read-only": np.frombuffer(bytes(range(24)), dtype="int16").reshape(3, 4),
        "long": np.arange(100000, dtype="int32"),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", arrays())
def test_pickled_arrays_are_read(tmp_path, protocol, name):
    value = arrays()[name]
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    check("pickle", path, value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_pickled_arrays_of_each_type_are_read(tmp_path, protocol, dtype):
    value = (np.arange(300).reshape(3, 100) * 7 - 512).astype(dtype)
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    check("pickle", path, value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_first_item_of_a_sequence_is_read(tmp_path, protocol):
    value = arrays()["whole"]
    path = tmp_path / "value.pickle"
    for sequence in ([value], (value, "text"), [value, value[0], {"k": None}]):
        path.write_bytes(pickle.dumps(sequence, protocol))
        check("pickle", path, value)
    for other in ([], [[value]], {"k": value}, "text"):
        path.write_bytes(pickle.dumps(other, protocol))
        assert "not an array" in refused("pickle", path)


@pytest.mark.parametrize("value", [np.array([None]), np.array(["text"]), np.zeros(2, "u4"), np.zeros(2, "c8"),
                                   np.zeros(2, [("a", "f4")]), np.zeros(2, "M8[s]")], ids=lambda v: str(v.dtype))
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_other_element_types_of_numpy_are_refused(tmp_path, protocol, value):
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    assert "not supported" in refused("pickle", path)


def test_arrays_out_of_band_are_refused(tmp_path):
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(np.zeros(5), 5, buffer_callback=[].append))
    assert "outside of the pickle" in refused("pickle", path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_are_read(tmp_path, protocol):
    shared = ["twice"]
    value = {"text": "größer ☃", "none": None, "truth": [True, False], 7: (1, -1, 255, 256, 65536, -2**31, 2**62, -2**63),
             "floats": [0.5, -1e300, float("inf")], "bytes": b"\x00\x80\xff" * 99, "empty": [(), [], {}, "", b""],
             "shared": (shared, shared), "long": "x" * 1000}
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    assert eval(ok("show-pickle", path)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_among_plain_values_are_read(tmp_path, protocol):
    path = tmp_path / "value.pickle"
    path.write_bytes(pickle.dumps({"a": np.arange(3, dtype="int8"), "b": torch.ones(2), "c": np.float64(1)}, protocol))
    assert eval(ok("show-pickle", path)) == {"a": ("int8", [3], bytes([0, 1, 2])),
                                             "b": ("float32", [2], raw(torch.ones(2))),
                                             "c": ("float64", [], np.float64(1).tobytes())}


SHAPES = [(3, 5), (), (0,), (2, 0, 4), (1,), (1, 2, 3, 4, 5), (70000,)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TORCH_TYPES, ids=str)
def test_torch_loads_what_is_written(tmp_path, dtype, shape):
    value = tensor(dtype, *shape)
    elements, path = tmp_path / "elements.raw", tmp_path / "value.pth"
    elements.write_bytes(raw(value))
    ok("write-pth", elements, path, str(dtype).removeprefix("torch."), *shape)
    for options in ({}, {"mmap": True}):
        loaded = torch.load(path, weights_only=True, **options)
        assert loaded.dtype == dtype and loaded.shape == value.shape and raw(loaded) == raw(value)
        assert loaded.is_contiguous()
    check("pth", path, value)
    second = tmp_path / "second.pth"
    ok("write-pth", elements, second, str(dtype).removeprefix("torch."), *shape)
    assert second.read_bytes() == path.read_bytes()


def test_written_archives_are_sound_and_aligned(tmp_path):
    elements, path = tmp_path / "elements.raw", tmp_path / "value.pth"
    elements.write_bytes(bytes(range(256)))
    ok("write-pth", elements, path, "uint8", 256)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert path.read_bytes().find(bytes(range(256))) % 64 == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_numpy_loads_what_is_written(tmp_path, dtype, shape):
    value = np.asarray((np.arange(int(np.prod(shape, dtype=int))).reshape(shape) * 7 % 4001 - 512).astype(dtype))
    elements, path = tmp_path / "elements.raw", tmp_path / "value.pickle"
    elements.write_bytes(value.tobytes())
    ok("write-pickle", elements, path, dtype, *shape)
    loaded = pickle.loads(path.read_bytes())
    assert loaded.dtype == value.dtype and loaded.shape == value.shape and loaded.tobytes() == value.tobytes()
    assert loaded.flags.writeable
    check("pickle", path, value)


def test_bfloat16_is_not_written_for_numpy(tmp_path):
    elements = tmp_path / "elements.raw"
    elements.write_bytes(bytes(4))
    result = tool("write-pickle", elements, tmp_path / "value.pickle", "bfloat16", 2)
    assert result.returncode == DATA_ERROR and "numpy has no bfloat16" in result.stderr
