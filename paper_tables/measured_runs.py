"""Measured runs that the repository holds, and the cells that they belong to.

``paper_tables/measured/<table>/<digest>.json`` is the result of a finished job and the scale it
was run at.  A run counts only while a cell of the table at that scale has its digest: once a
setting or a revision has changed, it is reported and no longer shown.  Which data lies on this
machine plays no part, the run says what it has read.

``python -m paper_tables.measured_runs SCALE TABLE`` copies the finished results of a table there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mixlib.whole_files import write_whole
from paper_tables.claims.margin_record import record
from paper_tables.measure import Grid, measure
from pipelines.command_line import OwnTables, ResultsFolder, ScaleName, run_app
from pipelines.declare import scale
from pipelines.declare.claims import read_rules
from pipelines.declare.errors import DeclarationError
from pipelines.declare.table import Table
from pipelines.execute.store import Store, load
from pipelines.plan import grid
from pipelines.plan.build import plan
from pipelines.plan.job import Job
from pipelines.plan.setting import Setting

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FOLDER = Path("paper_tables/measured")


@dataclass(frozen=True)
class MeasuredRuns:
    """The measured runs of one table at one scale.

    Attributes:
        table: as declared, whole.
        scale: the scale of the runs.
        numbers: the cells of which every run is here.
        jobs: the jobs behind them.
        results: their results, in the same order.
        cells: those cells, with their jobs.
    """

    table: Table
    scale: scale.Scale
    numbers: Grid
    jobs: tuple[Job, ...]
    results: tuple[dict[str, Any], ...]
    cells: tuple[grid.Cell, ...] = ()


@dataclass(frozen=True)
class ResultFolder:
    """The measured results of one table, read as the store of all results reads its own."""

    folder: Path

    def read(self, job: Job) -> dict[str, Any]:
        """The measured result of a job; raises CorruptResult where the file holds another job's."""
        return load(self.folder / f"{job.digest}.json", job.digest)

    def bodies(self) -> dict[str, dict[str, Any]]:
        """Every measured result by digest."""
        return {path.stem: load(path, path.stem) for path in sorted(self.folder.glob("*.json"))}


def find_runs(
    table: Table, folder: Path = FOLDER
) -> tuple[tuple[MeasuredRuns, ...], tuple[str, ...]]:
    """The measured runs of a paper's table by scale, and the files of those that no cell needs any
    more; a study has none.

    Raises:
        CorruptResult: a file holds another job than its name says.
        DeclarationError: a run's scale is no longer declared.
    """
    if table.study:
        return (), ()
    whole, stored = table.whole or table, ResultFolder(folder / table.name)
    bodies = stored.bodies()
    words = sorted({body["scale"] for body in bodies.values()})
    found = [_runs_at(whole, scale.load(word), stored, bodies) for word in words]
    used = {job.digest for part in found for job in part.jobs}
    shown = tuple(part for part in found if part.jobs)
    return shown, tuple(f"{key}.json" for key in bodies if key not in used)


def runs_of_study(table: Table, folder: Path = FOLDER) -> MeasuredRuns:
    """The kept runs of a study's table; none of its data has to be here.

    Raises:
        CorruptResult: a file holds another job than its name says.
    """
    chosen = scale.as_declared({table.name: table.seeds or 1}, table.portable)
    stored = ResultFolder(folder / table.name)
    return _runs_at(table, chosen, stored, stored.bodies())


def _runs_at(
    whole: Table, chosen: scale.Scale, stored: ResultFolder, bodies: Mapping[str, Any]
) -> MeasuredRuns:
    """The cells of a table at a scale all of whose runs are kept."""
    mine = {key: body for key, body in bodies.items() if body["scale"] == chosen.name}
    marks = dict(pair for body in mine.values() for pair in _fingerprints(body["job"]))
    cells = tuple(
        cell
        for cell in grid.cells(whole, chosen, partial(Setting, fingerprints=marks))
        if all(job.digest in mine for job in cell.jobs)
    )
    jobs = tuple({job.digest: job for cell in cells for job in cell.jobs}.values())
    numbers = measure(whole, cells, stored) if cells else {}
    results = tuple(mine[job.digest] for job in jobs)
    return MeasuredRuns(whole, chosen, numbers, jobs, results, cells)


def _fingerprints(job: Any) -> Iterator[tuple[str, str]]:
    """(name, fingerprint) of every dataset in a job's JSON, parents included."""
    if isinstance(job, dict):
        if job.keys() >= {"name", "fingerprint"}:
            yield job["name"], job["fingerprint"]
        for value in job.values():
            yield from _fingerprints(value)


def copy_results(found: grid.Plan, name: str, store: Store, folder: Path = FOLDER) -> list[Path]:
    """Copies the finished results of a table into ``folder``; returns the files.

    Raises:
        DeclarationError: a result comes from sources that are in no commit, so that nobody could
            measure it again.
    """
    paths = []
    for job in found.needed(name):
        if not store.finished(job):
            continue
        result = store.read(job)
        git = result["provenance"]["git"]
        if git["dirty"] or not git["commit"]:
            raise DeclarationError(
                f"{store.file(job)}: expected a run of committed sources, found uncommitted "
                "changes: commit them, delete the result and run again"
            )
        path = folder / name / f"{job.digest}.json"
        write_whole(path, json.dumps({"scale": found.scale.name, **result}, indent=1) + "\n")
        paths.append(path)
    table = found.tables[name]
    if paths and not table.study:
        # from now on the margins that these are judged under stay
        record(folder, table.whole or table, read_rules(), [path.stem for path in paths])
    return paths


@app.command()
def main(
    scale_name: ScaleName,
    name: Annotated[str, typer.Argument(metavar="TABLE", help="a declared table, e.g. table13")],
    own: OwnTables = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Copies the finished results of a table into the repository, to be committed."""
    found = plan(scale_name, own)
    for path in copy_results(found, found.known(name), Store(results)):
        print(path)


if __name__ == "__main__":
    run_app(app)
