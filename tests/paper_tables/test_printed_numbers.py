"""Declared reference numbers against the papers' tables as printed: all of them, none besides.

``printed/*.txt`` was taken line by line from the papers' texts, not from the declarations: numbers,
labels and their order are the papers'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.declare import table
from pipelines.declare.table import NO_CELLS, Table

PRINTED = Path(__file__).parent / "printed"
NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)%?(?: \(([+-]\d+(?:\.\d+)?)\))?")
LABELS = ("Epoch",)
"""Heads of columns whose numbers name a row."""
COUNTS = {
    **{"table1": 77, "table2": 90, "table3": 50, "table4": 32, "table5": 100, "table6": 18},
    **{"table7": 24, "table8": 14, "table9": 8, "table10": 30, "table11": 30, "table13": 80},
    **{"table14": 88, "fig8": 1},
    **{"tokenmix_imagenet": 30, "tokenmix_ade20k": 32, "tokenmix_supervision": 10},
    **{"tokenmix_teacher": 7, "tokenmix_augmentation": 5, "tokenmix_combinations": 7},
    **{"tokenmix_mask_sampling": 9, "tokenmix_refinement": 9, "tokenmix_mask_refinement": 11},
    **{"tokenmix_epochs": 6, "tokenmix_loss": 5},
    **{"msda_table1": 6, "msda_table2": 34, "msda_table3": 12},
}
# printed gains that are not the difference of the numbers printed above them; footnotes say so
WRONG_GAINS = {
    ("table1", "CIFAR-100 RX-50"),
    ("table3", "EfficientNet B0 A2"),
    ("table13", "RX-50 400 ep"),
    ("table14", "RX-50 800 ep"),
}


def sections() -> dict[str, list[str]]:
    """Table -> its lines as printed."""
    found: dict[str, list[str]] = {}
    for path in sorted(PRINTED.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                found[line.strip("[]")] = []
            elif line and not line.startswith("#"):
                found[list(found)[-1]].append(line)
    return found


LINES = sections()
TABLES = {name: t for name, t in table.load_all().items() if t.kind != NO_CELLS}


def rows_of(lines: list[str]) -> Iterator[tuple[str, list[float]]]:
    """Label and numbers of every line that has numbers, in reading order."""
    piped = any(" | " in line for line in lines)
    heads = lines[0].split(" | ") if piped else []
    for line in lines[1:] if piped else lines:
        cells = line.split(" | ") if piped else line.split()
        names = heads[len(heads) - len(cells) :] if len(cells) <= len(heads) else [""] * len(cells)
        numbers, label = [], []
        if not (NUMBER.fullmatch(cells[-1]) or cells[-1] == "-"):
            continue  # a head
        for cell, head in zip(cells, names or [""] * len(cells), strict=True):
            match = NUMBER.fullmatch(cell)
            if match is None or head in LABELS:
                # a dash between numbers is a cell that is not printed
                label += [] if numbers or cell == "-" else [cell]
            else:
                numbers += [float(part) for part in match.groups() if part is not None]
        if numbers:
            yield " ".join(label), numbers


def declared_rows(declared: Table) -> Iterator[tuple[str, list[float]]]:
    """The same of a declaration: rows with their computed columns, then the computed rows."""
    across = [gain for gain in declared.gains if gain.axis == "column"]
    for row in declared.rows:
        places = [(row.label, column.label) for column in declared.columns]
        numbers = [declared.reference[p] for p in places if p in declared.reference]
        numbers += [gain.reference[row.label] for gain in across if row.label in gain.reference]
        if numbers:
            yield row.label, numbers
    for gain in declared.gains:
        if gain.axis == "row":
            yield gain.label, [gain.reference[column.label] for column in declared.columns]


def plain(label: str) -> str:
    """A label without case, marks and references."""
    text = re.sub(r"\[\d+\]|\(ours\)|\(no M[A-Z]+\)|[∗†]", "", label).lower()
    text = text.replace("(random grids)", "random grids").replace("`λ", "lambda loss")
    text = text.replace("λ", "lambda").replace("\\times", "").replace("l1", "l = 1")
    return re.sub(r"[^a-z0-9+.=]", "", re.sub(r"\bl(\d)$", r"l = \1", text))


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_are_the_printed_ones_in_their_order(name):
    printed, declared = list(rows_of(LINES[name])), list(declared_rows(TABLES[name]))
    assert [numbers for _, numbers in declared] == [numbers for _, numbers in printed]
    assert sum(len(numbers) for _, numbers in printed) == COUNTS[name]


def test_every_number_is_counted():
    assert LINES.keys() == COUNTS.keys()
    declared = {
        name: sum(len(numbers) for _, numbers in declared_rows(found))
        for name, found in TABLES.items()
        if found.reference or any(gain.reference for gain in found.gains)
    }
    assert declared == COUNTS
    assert sum(declared.values()) == 825


@pytest.mark.parametrize("name", [n for n in COUNTS if not n.startswith(("tokenmix", "fig"))])
def test_rows_have_the_printed_labels(name):
    own = [plain(label) for label, _ in declared_rows(TABLES[name])]
    assert own == [plain(label) for label, _ in rows_of(LINES[name])]


@pytest.mark.parametrize("name", [n for n in COUNTS if TABLES[n].gains])
def test_printed_gains_are_differences_of_printed_numbers(name):
    found = TABLES[name]
    for gain in found.gains:
        if gain.relative:
            continue
        for label, printed in gain.reference.items():
            own = found.reference[gain.places(label)]
            if gain.pairs:
                other = found.reference[gain.pairs[label], gain.of]
            elif gain.over != "best":
                other = found.reference[label, gain.over]
            else:
                rows = [row.label for row in found.rows if row.label != gain.of]
                other = max(found.reference.get((row, label), 0.0) for row in rows)
            assert (abs(own - other - printed) > 0.006) is ((name, label) in WRONG_GAINS)


@pytest.mark.parametrize("name", COUNTS)
def test_a_table_with_numbers_says_where_its_tolerance_comes_from(name):
    found = TABLES[name]
    assert found.tolerance_source
    assert (found.tolerance is None) == found.tolerance_source.startswith("none known")
