"""Contradictions inside a paper, found from its declared numbers and transcribed sentences.

Rules: a printed gain is the difference of the numbers that it is about; one quantity is one number
wherever it is printed, where a quantity is a metric of one resolved job; a sentence's relation and
amounts hold in the table that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mixlib.data.catalog import DATASETS
from pipelines.declare.claims import Place, Rules, Sentence, Statement, leads, numbers_of
from pipelines.declare.table import Table
from pipelines.plan.grid import Plan

HALF = 0.006
"""Numbers as printed, of two decimals: what they differ by beyond this is no error of floats."""
# a metric of an evaluation that is an accuracy of the training that it evaluates
OF_PARENT = {"clean_top1": "top1", "accuracy": "top1"}


@dataclass(frozen=True)
class Contradiction:
    """Two things that a paper says and that do not fit.

    Attributes:
        rule: "gain", "printed twice", "sentence", "amount" or "reference".
        table: where it is.
        text: what is printed, and what follows from the other place.
    """

    rule: str
    table: str
    text: str


def find_contradictions(
    plan: Plan, rules: Rules, sentences: Sequence[Sentence], statements: Sequence[Statement]
) -> list[Contradiction]:
    """All contradictions of the papers that a plan of scale paper reproduces."""
    return [
        *(found for table in plan.tables.values() for found in _gains(table, rules)),
        *_twice(plan),
        *(found for s in sentences for found in _sentence(s, plan.tables[s.table])),
        *_statements(statements),
    ]


def _gains(table: Table, rules: Rules) -> Iterator[Contradiction]:
    for claim in numbers_of(table, rules):
        known = {claim.place, claim.over} <= table.reference.keys()
        if claim.over is None or claim.relative or not known:
            continue
        follows = table.reference[claim.place] - table.reference[claim.over]
        if abs(follows - claim.printed) > HALF:
            rounding = " (rounding may explain it)" if abs(follows - claim.printed) < 0.0151 else ""
            text = (
                f"{claim.label}: printed {claim.printed:+.2f}; "
                f"{' / '.join(claim.place)} {table.reference[claim.place]:.2f} minus "
                f"{' / '.join(claim.over)} {table.reference[claim.over]:.2f} is "
                f"{follows:+.2f}{rounding}"
            )
            yield Contradiction("gain", table.name, text)


def _twice(plan: Plan) -> Iterator[Contradiction]:
    """Cells of one paper that show one metric of one job, with other numbers."""
    same: dict[tuple[str, str, str], dict[tuple[str, Place], float]] = {}
    for name, table in plan.tables.items():
        for cell in plan.cells[name]:
            place = cell.row, cell.column
            if place not in table.reference:
                continue
            job, metric = cell.jobs[0], cell.metric
            if metric in OF_PARENT:
                job, metric = next(iter(job.parents())), OF_PARENT[metric]
            key = table.file, job.digest, metric
            same.setdefault(key, {})[name, place] = table.reference[place]
    for (_, _, metric), places in same.items():
        if len(set(places.values())) > 1:
            text = "; ".join(f"{n}: {' / '.join(p)} {x:g}" for (n, p), x in places.items())
            yield Contradiction("printed twice", next(iter(places))[0], f"{metric}: {text}")


def _sentence(sentence: Sentence, table: Table) -> Iterator[Contradiction]:
    found = leads(sentence, table, table.reference)
    said = f"{sentence.place}: {sentence.text}"
    broken = {place: lead for place, lead in found.items() if lead <= 0}
    if broken:
        text = ", ".join(f"{' / '.join(p)} leads by {x:+.2f}" for p, x in broken.items())
        yield Contradiction("sentence", table.name, f"{said}; by the table {text}")
    for place, amount in sentence.by.items():
        if place in found and abs(found[place] - amount) > HALF:
            text = f"{said}: {amount:+.2f} at {' / '.join(place)}; by the table {found[place]:+.2f}"
            yield Contradiction("amount", table.name, text)
    if sentence.range and found:
        ends = min(found.values()), max(found.values())
        if max(abs(a - b) for a, b in zip(ends, sentence.range, strict=True)) > HALF:
            low, high = sentence.range
            text = (
                f"{said}: {low:+.2f} to {high:+.2f}; by the table {ends[0]:+.2f} to {ends[1]:+.2f}"
            )
            yield Contradiction("amount", table.name, text)
    if sentence.points_to:
        text = f"{said}: refers to {sentence.points_to}; its numbers are those of {table.name}"
        yield Contradiction("reference", table.name, text)


def _statements(statements: Sequence[Statement]) -> Iterator[Contradiction]:
    """Quantities that a text prints with several values, or otherwise than the dataset has it."""
    groups: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for each in statements:
        groups.setdefault((each.paper, each.quantity), []).append((each.value, each.place))
    for (_, quantity), values in groups.items():
        values += _of_dataset(quantity)
        if len({value for value, _ in values}) > 1:
            text = "; ".join(f"{value:,.0f} ({place})" for value, place in values)
            yield Contradiction("printed twice", "text", f"{quantity}: {text}")


def _of_dataset(quantity: str) -> list[tuple[float, str]]:
    name = quantity.removeprefix("training images of ")
    if name == quantity or name not in DATASETS:
        return []
    row = DATASETS[name]
    return (
        [(float(row.count(row.train)), "the dataset's own count")] if row.count(row.train) else []
    )
