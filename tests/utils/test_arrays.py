"""Files of arrays that are made to harm."""

import io
import zipfile

import numpy as np
import pytest

from fer_keras.utils.arrays import load_arrays
from fer_keras.utils.errors import InputError


def write(path, **members):
    """Write a .npz whose members are given as bytes or as arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if not isinstance(content, bytes):
                file = io.BytesIO()
                np.save(file, content, allow_pickle=True)
                content = file.getvalue()
            archive.writestr(f"{name}.npy", content)
    return path


def header(shape):
    file = io.BytesIO()
    description = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)
    return file.getvalue()


def test_what_numpy_wrote_is_read(tmp_path):
    arrays = {"a": np.arange(5), "b": np.array(["x", "yz"]), "c": np.float32(3)}
    np.savez_compressed(tmp_path / "some.npz", **arrays)
    found = load_arrays(tmp_path / "some.npz")
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"a": header((10**10,)) + b"\0" * 9}, "a.npy is cut short"),
        ({"a": header((3, -1)) + b"\0" * 9}, ""),
        ({"a": np.array([print], object)}, "allow_pickle=False|cut short|Object arrays"),
        ({"a": b"no array"}, "magic string"),
        ({"a": b"\x93NUMPY\x09\x00" + b"\0" * 90}, "later version"),
    ],
)
def test_a_file_that_promises_what_it_does_not_hold_is_refused(members, why, tmp_path):
    with pytest.raises(InputError, match=rf"harm.npz holds no arrays that can be read: .*({why})"):
        load_arrays(write(tmp_path / "harm.npz", **members))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"PK\x05\x06" + b"\0" * 17])
def test_a_damaged_archive_is_refused(content, tmp_path):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"bad.npz holds no arrays that can be read: "):
        load_arrays(tmp_path / "bad.npz")


def test_a_small_file_that_unpacks_to_much_is_refused_before_it_is_read(tmp_path):
    """600 MB of zeros are 0.6 MB packed."""
    place, zeros = tmp_path / "bomb.npz", bytes(10_000_000)
    with (
        zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("probabilities.npy", "w", force_zip64=True) as file,
    ):
        file.write(header((150_000_000,)))
        for _ in range(60):
            file.write(zeros)
    assert place.stat().st_size < 5_000_000
    with pytest.raises(InputError, match=r"600 MB where 500 are allowed"):
        load_arrays(place)
