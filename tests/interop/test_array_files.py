"""Parts in .npy and .safetensors files against numpy and safetensors themselves."""

import io

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from test_tensor_files import check, NUMPY_TYPES, refused, tensor


def saved(value, **options):
    buffer = io.BytesIO()
    np.save(buffer, value, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_npy_files_of_each_type_are_read(tmp_path, dtype):
    value = (np.arange(300).reshape(3, 100) * 7 - 512).astype(dtype)
    path = tmp_path / "value.npy"
    path.write_bytes(saved(value))
    check("npy", path, value)


@pytest.mark.parametrize("name", ["whole", "fortran", "big endian", "scalar", "empty", "five axes", "version 2", "version 3"])
def test_npy_files_of_each_layout_are_read(tmp_path, name):
    value = {"fortran": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "big endian": np.arange(7, dtype=">f4"),
             "scalar": np.float32(3), "empty": np.zeros((0, 5), "f2"), "five axes": np.arange(32, dtype="f2").reshape(2, 2, 2, 2, 2)}.get(
                 name, np.arange(12, dtype="f4").reshape(3, 4))
    path = tmp_path / "value.npy"
    buffer = io.BytesIO()
    version = {"version 2": (2, 0), "version 3": (3, 0)}.get(name, (1, 0))
    np.lib.format.write_array(buffer, np.asanyarray(value), version=version)
    path.write_bytes(buffer.getvalue())
    check("npy", path, np.asarray(value, dtype=value.dtype.newbyteorder("=")))


@pytest.mark.parametrize("value", [np.array([None]), np.array(["text"]), np.zeros(2, "u4"), np.zeros(2, "c8"), np.zeros(2, [("a", "f4")])],
                         ids=lambda v: str(v.dtype))
def test_other_element_types_in_npy_files_are_refused(tmp_path, value):
    path = tmp_path / "value.npy"
    path.write_bytes(saved(value, allow_pickle=True))
    refused("npy", path)


def test_damaged_npy_files_are_refused(tmp_path):
    good, path = saved(np.arange(100, dtype="f4").reshape(10, 10)), tmp_path / "value.npy"
    for length in range(0, len(good), 7):
        path.write_bytes(good[:length])
        refused("npy", path)
    for old, new in [(b"(10, 10)", b"(10, 11)"), (b"(10, 10)", b"(-1, 10)"), (b"'descr'", b"'other'"), (b"False", b"Maybe"),
                     (b"(10, 10)", b"(99999999999999999999,)"), (b"\x93NUMPY", b"\x93NUMPX")]:
        path.write_bytes(good.replace(old, new))
        refused("npy", path)


SAFE_TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", SAFE_TYPES, ids=str)
def test_safetensors_files_are_read(tmp_path, dtype):
    latent, text = tensor(dtype, 16, 1, 4, 6), tensor(dtype, 3, 8)
    path = tmp_path / "sample.safetensors"
    save_file({"latent": latent, "text": text, "other": torch.zeros(3)}, path, metadata={"made": "here"})
    check("latent", path, latent)
    check("text", path, text)


def test_damaged_safetensors_files_are_refused(tmp_path):
    good, path = save({"latent": torch.ones(16, 1, 2, 2)}), tmp_path / "sample.safetensors"
    path.write_bytes(good)
    assert "no tensor 'text'" in refused("text", path)
    for length in range(0, len(good), 11):
        path.write_bytes(good[:length])
        refused("latent", path)
    for old, new in [(b'"F32"', b'"X32"'), (b"[16,1,2,2]", b"[16,1,2,3]"), (b'"shape"', b'"shope"'), (b"[0,256]", b"[9,256]"),
                     (b"[0,256]", b"[9,  4]")]:
        assert old in good
        path.write_bytes(good.replace(old, new))
        refused("latent", path)
