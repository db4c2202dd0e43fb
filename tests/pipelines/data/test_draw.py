"""Stand-ins of the published sets: drawn in the official layout, counted by the readers of jobs."""

from __future__ import annotations

import pytest

from downstream.localization.image_boxes import read_image_boxes
from mixlib.data.catalog import DATASETS
from mixlib.data.catalog.drawn import SUFFIX
from mixlib.data.readers import read
from pipelines.data.datasets import prepare
from pipelines.data.fingerprints import specify
from pipelines.data.places import locate, manifest

DRAWN = [name for name in DATASETS if name.endswith(SUFFIX)]


def drawn(name, folder, **changes):
    """The folder and the ready file's content of a stand-in with small images."""
    row = DATASETS[name]
    mark = prepare(row, specify(row, {"size": 32, **changes}), folder).stem
    return locate(mark, folder), manifest(mark, folder)


@pytest.mark.parametrize("name", DRAWN)
def test_a_stand_in_has_the_files_and_classes_of_the_official_set(tmp_path, name):
    row, official = DATASETS[name], DATASETS[name.removesuffix(SUFFIX)]
    root, entry = drawn(name, tmp_path)
    assert [path for path, _ in official.needs if not (root / path).exists()] == []
    assert len(entry["classes"]) == official.classes
    assert entry["splits"] == dict(row.splits)
    assert root.name == official.folder


def test_all_published_sets_but_imagenet_c_have_one():
    official = {name for name, row in DATASETS.items() if row.official and row.classes}
    assert official - {name.removesuffix(SUFFIX) for name in DRAWN} == {"imagenet_c"}


def test_boxes_of_the_drawn_imagenet_stand_in_the_wsol_metadata(tmp_path):
    root, _ = drawn("imagenet_drawn", tmp_path, train=3, val=4, classes=3)
    images = read("imagefolder", root, "val")
    assert images.paths is not None
    truth = read_image_boxes("imagefolder", root, "val", images.paths)
    assert truth.names == tuple(path.name for path in images.paths)
    assert all(len(boxes) == 1 for boxes in truth.boxes)
    assert truth.labels.tolist() == images.labels.tolist()
