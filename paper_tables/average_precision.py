"""What belongs beside an average precision: the rule that it was computed by, and the interval that
it has over resampled test images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from downstream.detection.settings import AP_RULES
from paper_tables.measure import fixed
from pipelines.declare.table import Table
from pipelines.execute.store import Store
from pipelines.plan.grid import Cell
from pipelines.plan.kinds.detect import DetectJob

RULES: Mapping[str, str] = dict(
    zip(
        AP_RULES,
        (
            "Pascal VOC 2007 (mean precision at 11 recalls)",
            "Pascal VOC 2012 (area below the precision envelope)",
            "COCO (101 recalls, at most 100 detections an image)",
        ),
        strict=True,
    )
)
"""The rules in words."""


def average_precision_notes(table: Table, cells: Iterable[Cell], store: Store) -> tuple[str, ...]:
    """Lines under a table of detections: the rule of every column, and the first runs' intervals.

    Results from before intervals were computed have none; nothing is said of these.

    Returns:
        Nothing for a table of another kind.
    """
    lines = []
    for column in table.columns:
        own = [cell for cell in cells if cell.column == column.label]
        jobs = [cell.jobs[0] for cell in own]
        rules = {job.settings.ap_rule for job in jobs if isinstance(job, DetectJob)}
        if len(rules) != 1:
            continue
        spans = [
            f"{cell.row} {fixed(low, 1)} to {fixed(high, 1)}"
            for cell in own
            if (found := _interval(store.read(cell.jobs[0]), cell.metric)) is not None
            for low, high in [found]
        ]
        text = f"{column.label}: {own[0].metric} by the rule of {RULES[rules.pop()]}."
        if spans:
            text += (
                " 95 % bootstrap interval over the test images, first run: "
                + ", ".join(spans)
                + "."
            )
        lines.append(text)
    return tuple(lines)


def _interval(result: Mapping[str, Any], metric: str) -> tuple[float, float] | None:
    """(low, high) of a metric in a result, where it holds one."""
    found = result.get("intervals", {}).get(metric)
    return None if found is None else (float(found[0]), float(found[1]))
