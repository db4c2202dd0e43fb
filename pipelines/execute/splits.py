"""The images that a job trains on and those it is tested on."""

from __future__ import annotations

from pathlib import Path

from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images, cap, hold_out
from mixlib.data.readers import read
from pipelines.plan.inputs import Data


def read_splits(data: Data, root: Path) -> tuple[Images, Images]:
    """Training and test images of a dataset below ``root``; where training images are held out,
    these are the test images."""
    row = DATASETS[data.name]
    train = cap(read(row.layout, root, row.train), data.train_cap)
    if not data.held_out:
        return train, read_test(data, root)
    train, test = hold_out(train, data.held_out)
    return train, cap(test, data.test_cap)


def read_test(data: Data, root: Path) -> Images:
    """The test images alone."""
    if data.held_out:
        return read_splits(data, root)[1]
    row = DATASETS[data.name]
    return cap(read(row.layout, root, row.test), data.test_cap)
