"""Every row of the catalog is complete and true to what the papers and archives say."""

import re
import subprocess
import sys
from itertools import pairwise

import pytest

from mixlib.data.catalog import DATASETS, FAMILIES, IDENTITIES, LAYOUTS, dataset
from mixlib.data.readers import READERS
from mixlib.data.shapes.scenes import Shapes
from pipelines.data.inspect_dataset import CORRUPTED, MASKED

ROWS = list(DATASETS.values())


@pytest.mark.parametrize("row", ROWS, ids=list(DATASETS))
def test_fields(row):
    assert DATASETS[row.name] is row
    assert re.fullmatch(r"[a-z0-9_]+", row.name)
    assert row.family in FAMILIES
    assert row.layout in LAYOUTS
    assert row.layout in (*READERS, "voc", "coco", *MASKED, *CORRUPTED)
    assert row.identity in IDENTITIES
    assert (row.identity == "generated") == (row.spec is not None)
    assert row.citation
    assert row.title
    assert row.size >= 32
    assert row.revision >= 1
    # nothing is trained on corrupted images
    assert len(row.splits) == 1 if row.layout in CORRUPTED else len(row.splits) >= 2
    assert len({name for name, _ in row.splits}) == len(row.splits)
    assert (row.train, row.test) == (row.splits[0][0], row.splits[:2][-1][0])
    assert all(0 < m < 1 for m in row.mean)
    assert all(0 < s < 1 for s in row.std)
    assert not row.folder.startswith("/")


@pytest.mark.parametrize("row", ROWS, ids=list(DATASETS))
def test_every_set_says_how_to_get_it(row):
    assert row.archives or row.how
    for archive in row.archives:
        assert re.match(r"https?://", archive.url)
        assert re.fullmatch(r"|[0-9a-f]{32}", archive.md5)
    if row.identity != "generated":
        assert row.needs


def test_declared_sets_have_sizes_and_classes():
    for row in ROWS:
        if row.identity == "declared":
            assert row.classes > 0
            assert all(count > 0 for _, count in row.splits)


def test_sizes_of_the_appendix():
    """AutoMix, appendix A.1 (Tiny-ImageNet's 10,000 and iNat2018's 437,512 are slips there)."""
    sizes = {
        "cifar10": (10, 50_000, 10_000),
        "cifar100": (100, 50_000, 10_000),
        "imagenet": (1000, 1_281_167, 50_000),
        "inat2017": (5089, 579_184, 95_986),
        "tiny_imagenet": (200, 100_000, 10_000),
    }
    for name, (classes, train, test) in sizes.items():
        row = DATASETS[name]
        assert (row.classes, row.count(row.train), row.count(row.test)) == (classes, train, test)
    assert sum(count for _, count in DATASETS["cub200"].splits) == 11_788
    assert sum(count for _, count in DATASETS["aircraft"].splits) == 10_000


def test_generated_rows_agree_with_their_specifications():
    for row in ROWS:
        if row.spec:
            assert isinstance(row.spec, Shapes)
            # a stand-in's images are larger than what is cut from them, its background is a class
            if not row.name.endswith("_drawn"):
                assert (row.classes, row.size) == (row.spec.classes, row.spec.size)
            if len(row.splits) > 1:
                assert row.count(row.train) == row.spec.train


def test_names_are_unique_and_unknown_ones_are_refused_with_the_known():
    assert all(a.name != b.name for a, b in pairwise(sorted(ROWS, key=lambda row: row.name)))
    with pytest.raises(KeyError, match="cifar10"):
        dataset("cifar-10")
    with pytest.raises(KeyError, match="test"):
        dataset("cifar10").count("val")


def test_the_catalog_and_the_fingerprints_need_no_torch():
    code = (
        "import sys, mixlib.data.catalog, mixlib.data.augmentations; "
        "import pipelines.data.fingerprints as d; "
        "d.fingerprint(mixlib.data.catalog.DATASETS['shapes']); "
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
