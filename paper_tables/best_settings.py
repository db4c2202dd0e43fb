"""Command that names the best setting of every row from kept runs, by a rule fixed beforehand:
``python -m paper_tables.best_settings FOLDER TABLE``.

The columns of such a table are settings, in their order.  The best mean is taken; of equal ones the
column nearest to the middle, then the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from paper_tables.measured_runs import FOLDER, MeasuredRuns, runs_of_study
from pipelines.command_line import run_app
from pipelines.declare import table as declared
from pipelines.declare.errors import DeclarationError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def best_place(values: Sequence[float]) -> int:
    """The place of the best value by the rule.

    Example:
        >>> best_place([50.0, 52.0, 51.0]), best_place([52.0, 52.0, 50.0])
        (1, 1)
        >>> best_place([52.0, 50.0, 52.0])
        0
    """
    middle = (len(values) - 1) / 2
    return min(range(len(values)), key=lambda i: (-values[i], abs(i - middle), i))


def best_settings(runs: MeasuredRuns) -> dict[str, str]:
    """Row -> label of its best column.

    Raises:
        DeclarationError: a row has not all of its runs, so that nothing may be chosen yet.
    """
    columns = [column.label for column in runs.table.columns]
    up, chosen = runs.table.higher(columns[0]), {}
    for row in (entry.label for entry in runs.table.rows):
        missing = [column for column in columns if (row, column) not in runs.numbers]
        if missing:
            where = f"{runs.table.place}: {runs.table.name}: {row}"
            raise DeclarationError(
                f"{where}: expected kept runs of every setting, found none of {', '.join(missing)}"
            )
        means = [runs.numbers[row, column].mean for column in columns]
        chosen[row] = columns[best_place(means if up else [-mean for mean in means])]
    return chosen


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="folder of a study's declarations")],
    name: Annotated[str, typer.Argument(metavar="TABLE", help="whose columns are settings")],
    kept: Annotated[Path, typer.Option(help="folder of the kept runs")] = FOLDER,
) -> None:
    """Names the best setting of every row."""
    tables = declared.load_all(folder)
    if name not in tables:
        raise DeclarationError(f"{folder}: expected one of {', '.join(tables)}, found {name!r}")
    for row, column in best_settings(runs_of_study(tables[name], kept)).items():
        print(f"{row}: {column}")


if __name__ == "__main__":
    run_app(app)
