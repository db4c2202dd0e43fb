"""FGVC-Aircraft's official layout (Maji et al., 2013)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mixlib.data.images import Images
from mixlib.data.text_files import read_list, read_table


def read_aircraft(root: Path, split: str) -> Images:
    """data/images_variant_<split>.txt with lines '<image> <variant>'; classes in the order of
    variants.txt.

    Raises:
        DataError: a line with an unknown variant.
    """
    names = tuple(row[0] for row in read_list(root / "data" / "variants.txt", "a list of variants"))
    number = {name: label for label, name in enumerate(names)}
    source = root / "data" / f"images_variant_{split}.txt"
    rows = read_table(source, 2, "a list of images", unique=0)
    for row in rows:
        if row[1] not in number:
            raise row.wrong(f"a variant of {root / 'data' / 'variants.txt'}", repr(row[1]))
    paths = tuple(root / "data" / "images" / f"{row[0]}.jpg" for row in rows)
    return Images(np.array([number[row[1]] for row in rows], np.int64), names, paths=paths)
