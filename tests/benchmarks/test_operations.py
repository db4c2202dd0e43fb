"""The costs that the methods' pages state, in operations of a step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from benchmarks.operations import lines, operations, ratio
from mixlib.catalog.describe import pages

FAMILIES = sorted((Path(__file__).parents[2] / "docs" / "methods").glob("*.md"))


def test_a_product_is_counted():
    a, b = torch.randn(3, 4), torch.randn(4, 5)
    assert operations(lambda: a @ b) == 2 * 3 * 4 * 5


def said(word: str) -> float:
    """The ratio in a method's row on its page."""
    page = pages(FAMILIES)[word]
    (row,) = re.findall(rf"^\| `{word}` \|.*$", page.read_text(), re.MULTILINE)
    return float(re.findall(r"x ([\d.]+)", row)[0])


@pytest.mark.parametrize(
    "word",
    [
        "cutmix",
        "puzzlemix",
        "alignmix",
        "augmix",
        "tokenmix",
        "transmix",
        "mixup_mp_ce",
        "mixtoken",
    ],
)
def test_pages_say_what_a_step_takes(word):
    assert ratio(word) == pytest.approx(said(word), abs=0.006)


def test_attention_at_another_size():
    # one more inference pass
    assert ratio("attentivemix", {"side": None}) == pytest.approx(4 / 3, abs=0.01)
    assert "| `mixup` | 1.000 |" in list(lines(["mixup"]))
