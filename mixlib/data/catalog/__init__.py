"""Catalog of datasets: name -> row.

Adding a dataset means adding one row in `official` (downloads) or `local` (generated, or small
extracts); published sets get a stand-in in `drawn` by themselves. Importable without torch, because
job graphs are built from rows.
"""

from __future__ import annotations

from mixlib.data.catalog.drawn import stand_ins
from mixlib.data.catalog.local import EXTRACTS, GENERATED
from mixlib.data.catalog.official import (
    CLASSIFICATION,
    CORRUPTED,
    DETECTION,
    SEGMENTATION,
)
from mixlib.data.catalog.row import FAMILIES, IDENTITIES, LAYOUTS, Archive, Dataset

_OFFICIAL = (*CLASSIFICATION, *DETECTION, *CORRUPTED, *SEGMENTATION)

DATASETS: dict[str, Dataset] = {
    row.name: row for row in (*_OFFICIAL, *GENERATED, *EXTRACTS, *stand_ins(_OFFICIAL))
}


def dataset(name: str) -> Dataset:
    """The row called `name`.

    Raises:
        KeyError: for an unknown name, listing the known ones.
    """
    if name not in DATASETS:
        raise KeyError(f"no dataset {name!r}; known: {', '.join(sorted(DATASETS))}")
    return DATASETS[name]


__all__ = ["DATASETS", "FAMILIES", "IDENTITIES", "LAYOUTS", "Archive", "Dataset", "dataset"]
