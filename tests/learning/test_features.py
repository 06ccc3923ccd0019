"""NPZ files: one plane of finite floats passes; what lies, bombs, nests or pickles is refused with its reason."""

import hashlib
import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from learning.defects import Defect
from learning.features import Expected, Features, inspect

HANDS = Expected("hands_v1", 4)
PLANE = np.arange(12, dtype=np.float32).reshape(3, 4)


def npz(packed=False, **arrays):
    out = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(out, **arrays)
    return out.getvalue()


def npy(array, **saved):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **saved)
    return out.getvalue()


def zipped(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def headed(header, body=b"\0" * 48, version=1):
    text = header.encode("latin-1")
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return zipped([("a.npy", b"\x93NUMPY" + bytes([version, 0]) + length + text + body)])


def looked_at(content, **facts):
    told = {"sha256": "", "encoding": "hands_v1", "expected": HANDS, "max_bytes": 1 << 20, "max_inflated": 1 << 20, **facts}
    return inspect(io.BytesIO(content), **told)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_one_plane_of_floats_passes(packed, dtype):
    content = npz(packed, features=np.asfortranarray(PLANE.astype(dtype)))
    digest = hashlib.sha256(content).hexdigest()
    float_name = np.dtype(dtype).newbyteorder("=").name
    assert looked_at(content, sha256=digest) == Features(digest, len(content), (3, 4), float_name, "hands_v1")


def lying_size(content, told):
    """Let both of the archive's headers tell another size of the inflated member."""
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    size = struct.pack("<I", told)
    content = content[: local + 22] + size + content[local + 26 :]
    return content[: central + 24] + size + content[central + 28 :]


def objects():
    out = io.BytesIO()
    np.savez(out, features=np.array([[print, {}]], dtype=object))
    return out.getvalue()


def nan(value):
    plane = PLANE.copy()
    plane[1, 1] = value
    return npz(features=plane)


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n"
HOSTILE = {
    "empty": (b"", "not_npz"),
    "text": (b"features,1,2,3", "not_npz"),
    "an npy file": (npy(PLANE), "not_npz"),
    "a pickle": (pickle.dumps(PLANE), "not_npz"),
    "no member": (zipped([]), "several_arrays"),
    "two arrays": (npz(features=PLANE, more=PLANE), "several_arrays"),
    "very many members": (zipped([(f"{number}.npy", b"") for number in range(3_000)]), "several_arrays"),
    "a folder": (zipped([("../a.npy", npy(PLANE))]), "not_npz"),
    "another suffix": (zipped([("a.pkl", npy(PLANE))]), "not_npz"),
    "an archive in it": (zipped([("a.npy", npz(features=PLANE))]), "not_npz"),
    "lzma": (zipped([("a.npy", npy(PLANE))], zipfile.ZIP_LZMA), "not_npz"),
    "truncated": (npz(packed=True, features=np.random.default_rng(1).random((90, 4)))[:-200], "not_npz"),
    "cut within": (npz(features=PLANE)[:100] + npz(features=PLANE)[120:], "not_npz"),
    "told smaller": (lying_size(npz(packed=True, features=PLANE), 100), "not_npz"),
    "told larger": (lying_size(npz(packed=True, features=PLANE), 9_000), "not_npz"),
    "told huge": (lying_size(npz(packed=True, features=PLANE), 0xF000_0000), "too_large_inflated"),
    "a bomb": (npz(packed=True, features=np.zeros((300_000, 4), np.float32)), "too_large_inflated"),
    "too long": (npz(features=np.zeros((300_000, 4), np.float32)), "oversize"),
    "pickled objects": (objects(), "not_floats"),
    "integers": (npz(features=PLANE.astype(int)), "not_floats"),
    "complex": (npz(features=PLANE.astype(complex)), "not_floats"),
    "records": (npz(features=np.zeros((3, 4), [("a", "f4")])), "not_floats"),
    "one dimension": (npz(features=PLANE[0]), "not_two_dimensional"),
    "three dimensions": (npz(features=PLANE.reshape(3, 2, 2)), "not_two_dimensional"),
    "no rows": (npz(features=PLANE[:0]), "not_two_dimensional"),
    "other dims": (npz(features=PLANE.T), "dims_wrong"),
    "nan": (nan(np.nan), "not_finite"),
    "infinity": (nan(-np.inf), "not_finite"),
    "more rows told": (headed(HEADER.replace("(3,", "(4,")), "size_wrong"),
    "endless rows told": (headed(HEADER.replace("(3,", f"({10**30},")), "size_wrong"),
    "bytes after it": (headed(HEADER, b"\0" * 52), "size_wrong"),
    "negative rows": (headed(HEADER.replace("(3,", "(-3,")), "not_two_dimensional"),
    "true rows": (headed(HEADER.replace("(3,", "(True,")), "not_two_dimensional"),
    "python 2": (headed(HEADER.replace("3,", "3L,")), "not_npz"),
    "a call for a header": (headed("__import__('os').abort()\n"), "not_npz"),
    "brackets for a header": (headed("(" * 4_000, version=2), "not_npz"),
    "a header of no dict": (headed("[1, 2]\n"), "not_npz"),
    "a long header": (headed(HEADER + " " * 5_000, version=2), "not_npz"),
    "a header past the end": (zipped([("a.npy", b"\x93NUMPY\x02\0\xff\xff\xff\x7f{}")]), "not_npz"),
    "an unknown version": (zipped([("a.npy", b"\x93NUMPY\x09\0" + b"\0" * 90)]), "not_npz"),
}


@pytest.mark.parametrize(("content", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_anything_else_is_refused_with_its_reason(content, reason):
    with pytest.raises(Defect) as refused:
        looked_at(content)
    assert (refused.value.reason, refused.value.detail.endswith(".")) == (reason, True)


def test_the_announced_checksum_and_encoding_are_compared():
    with pytest.raises(Defect, match="sha256"):
        looked_at(npz(features=PLANE), sha256="0" * 64)
    with pytest.raises(Defect, match="hands_v1"):
        looked_at(npz(features=PLANE), encoding="hands_v2")


def test_an_archive_that_lies_of_a_bomb_is_never_inflated_whole():
    zeros = npy(np.zeros((16_000_000, 4), np.float32))  # 256 MB, packed into 250 kB
    content = lying_size(zipped([("a.npy", zeros)]), 1_000)
    del zeros
    tracemalloc.start()
    with pytest.raises(Defect):
        looked_at(content)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
