"""Catalog of datasets: name -> row.

Adding a dataset means adding one row in `official` (downloads) or `local` (generated, or small
extracts); published sets get a stand-in in `drawn` by themselves. Importable without torch, because
job graphs are built from rows.
"""

from __future__ import annotations

from mixlib.core.catalog import nearest
from mixlib.data.catalog.drawn import stand_ins
from mixlib.data.catalog.local import EXTRACTS, GENERATED
from mixlib.data.catalog.official import (
    CLASSIFICATION,
    CORRUPTED,
    DETECTION,
    SEGMENTATION,
)
from mixlib.data.catalog.row import FAMILIES, IDENTITIES, LAYOUTS, OWN, Archive, Dataset

_OFFICIAL = (*CLASSIFICATION, *DETECTION, *CORRUPTED, *SEGMENTATION)

DATASETS: dict[str, Dataset] = {
    row.name: row for row in (*_OFFICIAL, *GENERATED, *EXTRACTS, *stand_ins(_OFFICIAL))
}


def register(row: Dataset) -> None:
    """Adds a dataset of one's own; one of the same name that was added before gives way.

    Raises:
        ValueError: the name is that of a dataset of the catalog.

    Example:
        >>> register(DATASETS["cifar10"])
        Traceback (most recent call last):
        ValueError: expected a new name, found cifar10, which is CIFAR-10: give yours another
    """
    known = DATASETS.get(row.name)
    if known is not None and known.citation != OWN:
        raise ValueError(
            f"expected a new name, found {row.name}, which is {known.title}: give yours another"
        )
    DATASETS[row.name] = row


def dataset(name: str) -> Dataset:
    """The row called `name`.

    Raises:
        KeyError: for an unknown name, listing the known ones.
    """
    if name not in DATASETS:
        raise KeyError(nearest("dataset", name, DATASETS))
    return DATASETS[name]


__all__ = [
    "DATASETS",
    "FAMILIES",
    "IDENTITIES",
    "LAYOUTS",
    "OWN",
    "Archive",
    "Dataset",
    "dataset",
    "register",
]
