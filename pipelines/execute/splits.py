"""The images that a job trains on and those it is tested on."""

from __future__ import annotations

from pathlib import Path

from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images, cap, hold_out
from mixlib.data.readers import read
from pipelines.plan.inputs import Data


def read_train(data: Data, root: Path) -> Images:
    """The training images of a dataset below ``root``, without those that are held out."""
    row = DATASETS[data.name]
    images = cap(read(row.layout, root, row.train), data.train_cap)
    return hold_out(images, data.held_out)[0] if data.held_out else images


def read_test(data: Data, root: Path) -> Images:
    """The test images; where training images are held out for that, these."""
    row = DATASETS[data.name]
    if data.held_out:
        images = cap(read(row.layout, root, row.train), data.train_cap)
        return cap(hold_out(images, data.held_out)[1], data.test_cap)
    return cap(read(row.layout, root, row.test), data.test_cap)
