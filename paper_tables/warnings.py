"""Warnings of a table: runs behind it that diverged, or that know no more than guessing."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.execute.store import Store
from pipelines.plan.grid import Cell
from pipelines.plan.job import Job

SHOWN = 6
"""Runs that are named, one a line; of more, their number is said."""


def run_warnings(jobs: Iterable[Job], store: Store, cells: Iterable[Cell] = ()) -> list[str]:
    """A line for each run whose result carries a warning; a run that diverged because another did
    is that one's.

    Args:
        jobs: every job that a table rests on; those without a result say nothing.
        store: where their results are.
        cells: of the table; a run is named by the first that shows it.
    """
    places: dict[str, str] = {}
    for cell in cells:
        for job in cell.jobs:
            places.setdefault(job.digest, f"({cell.row}, {cell.column}): ")
    found = []
    for job in jobs:
        if not store.finished(job):
            continue
        body, place = store.read(job), places.get(job.digest, "")
        if body.get("diverged") and not str(body["diverged"]).startswith("parent "):
            found.append(f"diverged: {place}{job.describe()}: {body['diverged']}")
        elif body.get("warning"):
            found.append(f"no better than guessing: {place}{job.describe()}: {body['warning']}")
    lines = [f"Warning: {text}." for text in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(
            f"Warning: {len(found) - SHOWN} more runs diverged or are no better than guessing."
        )
    return lines
