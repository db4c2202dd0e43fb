"""Every recorded reference is used by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mixlib.methods.automix.golden_cases import BLOCKS

TESTS = Path(__file__).parent.parent
GOLDEN = sorted((TESTS / "golden").glob("*/*.npz"))
SOURCES = "\n".join(
    path.read_text() for path in sorted(TESTS.rglob("*.py")) if path != Path(__file__)
)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_test_names_it(path):
    # the second file of a family is asked for with a suffix put on the first one's name
    stem = path.stem.removesuffix("_b")
    if path.parent.name == "automix" and stem.startswith("mixblock_"):
        assert path.stem.removeprefix("mixblock_") in BLOCKS
    else:
        assert f"{path.parent.name}/{stem}" in SOURCES or stem in SOURCES
