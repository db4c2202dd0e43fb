"""CIFAR's pickles: every protocol and kind of number is read, everything else is named."""

from __future__ import annotations

import os
import pickle
import re

import numpy as np
import pytest

from mixlib.data.errors import DataError
from mixlib.data.readers import read

PIXELS = np.arange(2 * 3072, dtype=np.uint32).reshape(2, 3072).astype(np.uint8)
GOOD = {"data": PIXELS, "labels": [1, 0]}


def written(root, batch, meta=("a", "b"), protocol=2):
    root.mkdir(exist_ok=True)
    names = {"label_names": list(meta)}
    (root / "batches.meta").write_bytes(pickle.dumps(names, protocol=protocol))
    (root / "data_batch_1").write_bytes(pickle.dumps(batch, protocol=protocol))
    return root


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "batch",
    [
        GOOD,
        {b"data": PIXELS, b"labels": [1, 0]},
        {"data": PIXELS, "labels": [np.int64(1), np.int32(0)]},
        {"data": PIXELS, "labels": np.array([1, 0])},
        {"data": np.asfortranarray(PIXELS), "labels": (1, 0), "batch_label": "training 1 of 5"},
    ],
    ids=["plain", "bytes keys", "numpy integers", "array", "fortran order"],
)
def test_every_way_of_pickling_is_read(tmp_path, protocol, batch):
    images = read("cifar-pickle", written(tmp_path, batch, protocol=protocol), "train")
    assert images.labels.tolist() == [1, 0]
    assert np.array_equal(images.pixels.transpose(0, 3, 1, 2).reshape(2, -1), PIXELS)


def test_names_may_be_bytes(tmp_path):
    assert read("cifar-pickle", written(tmp_path, GOOD, (b"a", b"b")), "train").names == ("a", "b")


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (GOOD | {"data": PIXELS.reshape(2, 32, 32, 3)}, r"found uint8 \[2, 32, 32, 3\]"),
        (GOOD | {"data": PIXELS / 255}, r"found float64 \[2, 3072\]"),
        (GOOD | {"data": PIXELS[:, :3000]}, r"found \[2, 3000\]"),
        (GOOD | {"data": PIXELS.tolist()}, "found none"),
        ({"labels": [0, 1]}, "found none"),
        ({"data": PIXELS}, "2 whole numbers under 'labels'"),
        (GOOD | {"labels": [0]}, "2 whole numbers under 'labels'"),
        (GOOD | {"labels": [0.0, 1.0]}, "2 whole numbers under 'labels', found float64"),
        (GOOD | {"labels": ["0", "1"]}, "2 whole numbers"),
        (GOOD | {"labels": [0, 2]}, r"labels in 0\.\.1, found 0\.\.2"),
        (GOOD | {"labels": [-1, 1]}, r"labels in 0\.\.1"),
        ([PIXELS, [0, 1]], "expected a dictionary, found list"),
    ],
)
def test_other_arrays_are_refused(tmp_path, batch, message):
    path = written(tmp_path, batch) / "data_batch_1"
    with pytest.raises(DataError, match=f"{re.escape(str(path))}.*{message}"):
        read("cifar-pickle", tmp_path, "train")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", pickle.dumps(GOOD)[:500], b"\x80"])
def test_what_is_no_pickle_is_named(tmp_path, content):
    path = written(tmp_path, GOOD) / "data_batch_1"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: expected a pickle"):
        read("cifar-pickle", tmp_path, "train")


class _Attack:
    def __reduce__(self):
        return os.mkdir, ("attacked",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "thing",
    [_Attack(), np.array([_Attack()], object), os.system, np.load],
    # no address in a name: workers of a parallel run must collect the same ones
    ids=["object", "array", "system", "load"],
)
def test_nothing_else_is_unpickled(tmp_path, monkeypatch, protocol, thing):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "set", GOOD | {"data": thing}, protocol=protocol)
    with pytest.raises(DataError, match="do not trust"):
        read("cifar-pickle", tmp_path / "set", "train")
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (0, 1)])
def test_a_gap_in_the_batches_is_said(tmp_path, numbers):
    content = (written(tmp_path, GOOD) / "data_batch_1").read_bytes()
    (tmp_path / "data_batch_1").unlink()
    for number in numbers:
        (tmp_path / f"data_batch_{number}").write_bytes(content)
    with pytest.raises(DataError, match="a batch of CIFAR-10"):
        read("cifar-pickle", tmp_path, "train")
