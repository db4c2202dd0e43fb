"""Command that names the epochs at which every method of kept runs costs what one of them does:
``python -m paper_tables.equal_compute FOLDER ROW TABLE...``.

A row whose step takes r times the named one's has 1 / r of its epochs.  The time of a step is the
median over all kept runs of a row, whatever their setting, so it wants runs from one machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from paper_tables.measured_runs import FOLDER, MeasuredRuns, runs_of_study
from pipelines.command_line import run_app
from pipelines.declare import table as declared
from pipelines.declare.errors import DeclarationError, check_keys

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LEAST = 1.2
"""Ratios below this are within what a shared machine scatters: such a row keeps its epochs."""


@dataclass(frozen=True)
class Cost:
    """What a row costs.

    Attributes:
        ratio: of its step's time to the reference's.
        epochs: that cost what all epochs of the reference do.
    """

    ratio: float
    epochs: int


def step_times(runs: Iterable[MeasuredRuns]) -> dict[str, float]:
    """Row -> median time of a step over its kept runs, in ms."""
    times: dict[str, list[float]] = {}
    for part in runs:
        by_digest = {result["digest"]: result for result in part.results}
        for cell in part.cells:
            found = [by_digest[job.digest]["metrics"]["step_ms"] for job in cell.jobs]
            times.setdefault(cell.row, []).extend(found)
    return {row: median(found) for row, found in times.items()}


def equal_compute(times: Mapping[str, float], reference: str, epochs: int) -> dict[str, Cost]:
    """Row -> its cost.

    Args:
        times: of a step, row -> ms.
        reference: the row whose whole training is the measure.
        epochs: of the reference.

    Example:
        >>> found = equal_compute({"Vanilla": 50.0, "Mixup": 51.0, "AutoMix": 145.0}, "Vanilla", 30)
        >>> found["AutoMix"], found["Mixup"].epochs
        (Cost(ratio=2.9, epochs=10), 30)
    """
    costs = {}
    for row, time in times.items():
        ratio = time / times[reference]
        costs[row] = Cost(ratio, epochs if ratio < LEAST else max(1, round(epochs / ratio)))
    return costs


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="folder of a study's declarations")],
    reference: Annotated[str, typer.Argument(metavar="ROW", help="whose cost is the measure")],
    names: Annotated[list[str], typer.Argument(metavar="TABLE...", help="with kept runs")],
    epochs: Annotated[int, typer.Option(min=1, help="of ROW")] = 30,
    kept: Annotated[Path, typer.Option(help="folder of the kept runs")] = FOLDER,
) -> None:
    """Names the epochs of every row that cost what ROW's do."""
    tables = declared.load_all(folder)
    check_keys(str(folder), dict.fromkeys(names), tables, "table")
    times = step_times(runs_of_study(tables[name], kept) for name in names)
    if reference not in times:
        raise DeclarationError(
            f"{folder}: expected a row with kept runs ({', '.join(times)}), found {reference!r}"
        )
    for row, cost in equal_compute(times, reference, epochs).items():
        print(f"{row}: {cost.ratio:.2f} times a step of {reference}, {cost.epochs} epochs")


if __name__ == "__main__":
    run_app(app)
