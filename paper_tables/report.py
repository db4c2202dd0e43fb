"""Command that says how a run of tables ended: ``python -m paper_tables.report SCALE TABLE ...``.

For every table what was measured, warnings about runs that diverged or learned nothing, and which
cells failed and why.  A table with failed cells is written all the same, without a picture, with
these cells marked; running it again completes it.  Snakemake calls this when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from paper_tables.measure import measure
from paper_tables.render import PICTURES, make_sheet, write_texts
from paper_tables.warnings import run_warnings
from pipelines.command_line import (
    OwnTables,
    Plugins,
    ResultsFolder,
    ScaleName,
    Tables,
    run_app,
)
from pipelines.declare.table import NO_CELLS
from pipelines.execute.store import Store
from pipelines.plan import grid
from pipelines.plan.build import plan as plan_of
from pipelines.plan.grid import Cell
from pipelines.plan.job import Job
from pipelines.status import standing

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FAILED, MISSING = "failed", "not run"


@dataclass(frozen=True)
class Hole:
    """A cell that cannot be shown.

    Attributes:
        cell: the cell.
        done: how many of its runs are there.
        failed: the job that failed, one of its own or one that these start from; None: none did.
        reason: the last line of that job's log.
    """

    cell: Cell
    done: int
    failed: Job | None
    reason: str

    @property
    def mark(self) -> str:
        """What stands in its place in the table."""
        return FAILED if self.failed is not None else MISSING

    def line(self, store: Store) -> str:
        """One line about it."""
        place = f"({self.cell.row}, {self.cell.column})"
        runs = f"{self.done} of {len(self.cell.jobs)} runs are there"
        if self.failed is None:
            return f"{place}: {runs}; the others have not run"
        return (
            f"{place}: {runs}; {self.failed.describe()}: {self.reason} (log: "
            f"{store.log(self.failed)})"
        )


def holes(cells: tuple[Cell, ...], store: Store) -> list[Hole]:
    """The cells of which a run is missing, each with the first job that failed on the way to it."""
    found = []
    for cell in cells:
        missing = [job for job in cell.jobs if not store.finished(job)]
        if not missing:
            continue
        done = len(cell.jobs) - len(missing)
        ways = (ancestor for job in missing for ancestor in job.closure())
        failed = ((job, standing(job, store)) for job in ways if not store.finished(job))
        job, reason = next(
            ((job, at.lines[-1]) for job, at in failed if at.state == "failed"), (None, "")
        )
        found.append(Hole(cell, done, job, reason))
    return found


def render_with_holes(
    plan: grid.Plan, name: str, store: Store, missing: list[Hole], folder: Path | None = None
) -> Path:
    """Writes a table without the cells that are missing, which are marked; returns its Markdown.

    The address file that says that a table is whole is not written, so that the workflow makes it
    anew; pictures of an earlier table go.
    """
    table = plan.tables[name]
    out = (Path(table.file).parent if folder is None else folder) / name
    whole = tuple(c for c in plan.cells[name] if c not in [hole.cell for hole in missing])
    sheet = make_sheet(
        plan,
        name,
        measure(table, whole, store),
        store,
        [f"Incomplete: {hole.line(store)}." for hole in missing],
        {(hole.cell.row, hole.cell.column): hole.mark for hole in missing},
    )
    with store.lock(f"table-{name}"):
        out.mkdir(parents=True, exist_ok=True)
        for stale in ("cells-*.json", "figure.*", PICTURES, "provenance.json"):
            for path in out.glob(stale):
                path.unlink(missing_ok=True)
        write_texts(sheet, out)
    return out / "table.md"


def report(plan: grid.Plan, name: str, store: Store, folder: Path | None = None) -> list[str]:
    """Lines about one table; writes it where cells of it are missing and others are not."""
    table = plan.tables[name]
    missing = holes(plan.cells[name], store)
    cells, jobs = len(plan.cells[name]), plan.needed(name)
    done = sum(map(store.finished, jobs))
    lines = [f"{table.target}: {done} of {len(jobs)} runs, {cells - len(missing)} of {cells} cells"]
    failed = [hole for hole in missing if hole.failed is not None]
    lines += [f"  {hole.mark}: {hole.line(store)}" for hole in failed]
    waiting = len(missing) - len(failed)
    if waiting:
        lines.append(f"  {MISSING}: {waiting} more cells")
    lines += [
        f"  {warning}"
        for warning in run_warnings(plan.closure(name).values(), store, plan.cells[name])
    ]
    if failed and len(missing) < cells:
        path = render_with_holes(plan, name, store, missing, folder)
        lines.append(f"  {path} shows the others, with these marked")
    return lines


@app.command()
def main(
    scale: ScaleName,
    tables: Tables = None,
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Says how the runs of these tables ended (none: all of the scale)."""
    found, store = plan_of(scale, own, plugins or ()), Store(results)
    for name in found.chosen(tables):
        if found.tables[name].kind != NO_CELLS:
            print("\n".join(report(found, name, store)))


if __name__ == "__main__":
    run_app(app)
