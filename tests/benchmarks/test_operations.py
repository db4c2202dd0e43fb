"""The costs that the methods' pages state, in operations of a step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from benchmarks.operations import lines, operations, ratio
from mixlib.catalog.describe import pages

DOCS = Path(__file__).parents[2] / "docs" / "methods"
FAMILIES = sorted(DOCS.glob("*.md"))


def test_a_product_is_counted():
    a, b = torch.randn(3, 4), torch.randn(4, 5)
    assert operations(lambda: a @ b) == 2 * 3 * 4 * 5


def stated(word: str) -> float:
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
        "mixtoken",
    ],
)
def test_pages_say_what_a_step_takes(word):
    assert ratio(word) == pytest.approx(stated(word), abs=0.006)


@pytest.mark.parametrize(
    ("word", "pipeline"),
    [("mixup", "mp_ce"), ("mixup", "ema"), ("automix", "mp"), ("automix", "none")],
)
def test_the_page_on_pipelines_says_what_a_step_takes(word, pipeline):
    text = (DOCS / "learned.md").read_text()
    (row,) = re.findall(rf"^\| `pipeline: {pipeline}` \| `{word}` \|.*$", text, re.MULTILINE)
    stated = float(re.findall(r"x ([\d.]+)", row)[0])
    assert ratio(word, {"pipeline": pipeline}) == pytest.approx(stated, abs=0.006)


def test_attention_at_another_size():
    # one more inference pass
    assert ratio("attentivemix", {"side": None}) == pytest.approx(4 / 3, abs=0.01)
    assert "| `mixup` | 1.000 |" in list(lines(["mixup"]))
