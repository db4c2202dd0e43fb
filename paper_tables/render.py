"""Command that renders a table: ``python -m paper_tables.render SCALE TABLE``, results in, products
out.

Products, in ``paper_tables/<table>/``: table.md, .csv, .tex, .html, metrics.json, figure.png, .svg,
pictures.png where the table declares example pictures, provenance.json, and cells-<digest>.json,
whose name is the address of everything the table shows.  A declared figure has no table: its page,
figure.md and .html, holds the picture with its caption and source.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from paper_tables import freshness
from paper_tables.average_precision import average_precision_notes
from paper_tables.comparison import compare_runs, describe_stale
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.registry import check_drawing, load_drawing
from paper_tables.epoch_notes import epoch_notes
from paper_tables.measure import Grid, measure
from paper_tables.measured_runs import find_runs
from paper_tables.origin import data_titles
from paper_tables.sheet import Sheet, build_sheet, figure_sheet
from paper_tables.subset_notes import subset_notes
from paper_tables.warnings import run_warnings
from paper_tables.writers import (
    write_csv,
    write_html,
    write_markdown,
    write_metrics,
    write_tex,
)
from pipelines.command_line import OwnTables, Plugins, ResultsFolder, ScaleName, run_app
from pipelines.declare.table import NO_CELLS
from pipelines.execute.provenance import provenance
from pipelines.execute.store import Store
from pipelines.plan import grid
from pipelines.plan.build import plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FOLDER = Path("paper_tables")
PICTURES = "pictures.png"
METRICS = "metrics.json"
FIGURE_PAGE = ("figure.md", "figure.html")  # what a product without cells has for a table's pages


def products(plan: grid.Plan, name: str, folder: Path | None = None) -> list[Path]:
    """The files that a table's rule makes, in ``folder``, or beside the table's declaration.

    Raises:
        DeclarationError: the declaration names a drawing that is not registered.
    """
    table = plan.tables[name]
    for key, drawing in (("figure", table.figure), ("pictures", table.pictures)):
        if drawing is not None:
            check_drawing(f"{table.file}: {name}: {key}", drawing)
    address = grid.digest(table, plan.scale, plan.cells[name], freshness.shown_beside(name))
    names = ["table.md", "table.csv", "table.tex", "table.html", METRICS]
    names += ["figure.png", "figure.svg"]
    if plan.tables[name].kind == NO_CELLS:
        names = [*FIGURE_PAGE, "figure.png", "figure.svg"]
    if plan.tables[name].pictures is not None:
        names.append(PICTURES)
    folder = Path(table.file).parent if folder is None else folder
    return [folder / name / n for n in (*names, "provenance.json", f"cells-{address}.json")]


def make_sheet(
    plan: grid.Plan,
    name: str,
    numbers: Grid,
    store: Store,
    remarks: Sequence[str] = (),
    marks: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Sheet:
    """The table as a value, with the measured runs that the repository holds.

    Args:
        plan: with the table.
        name: its own.
        numbers: of the cells that have all of their runs.
        store: of the results.
        remarks: lines about the numbers, before those that every table has.
        marks: what stands in the place of the other cells.
    """
    table = plan.tables[name]
    jobs = [job for job in plan.needed(name) if store.finished(job)]
    cells = [cell for cell in plan.cells[name] if (cell.row, cell.column) in numbers]
    found, stale = find_runs(table)
    return build_sheet(
        table,
        numbers,
        plan.scale,
        data_titles(plan.needed(name)),
        [store.read(job) for job in jobs],
        tuple(map(compare_runs, found)),
        describe_stale(name, stale),
        (
            *remarks,
            *average_precision_notes(table, cells, store),
            *epoch_notes(jobs, table),
            *subset_notes(jobs),
            *run_warnings(plan.closure(name).values(), store, plan.cells[name]),
        ),
        marks,
    )


def render(plan: grid.Plan, name: str, store: Store, folder: Path | None = None) -> Path:
    """Writes all products of a table and returns their folder; one process at a time does."""
    folder = Path(plan.tables[name].file).parent if folder is None else folder
    with store.lock(f"table-{name}"):
        return _render(plan, name, store, folder)


def _render(plan: grid.Plan, name: str, store: Store, folder: Path) -> Path:
    """Everything is made in a hidden folder and then moved: a render that is killed, or beside
    which somebody deletes the products, leaves whole ones.  The lock is held, so a hidden folder
    that is there is a killed render's."""
    out, made = folder / name, folder / f".{name}.rendering"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    sources = _make(plan, name, store, made)
    *files, address = (made / path.name for path in products(plan, name, folder))
    freshness.write(address, files, plan.needed(name), store, sources)
    out.mkdir(exist_ok=True)
    for old in out.glob("cells-*.json"):
        old.unlink(missing_ok=True)
    for path in (*files, address):
        path.replace(out / path.name)
    made.rmdir()
    return out


def _make(plan: grid.Plan, name: str, store: Store, out: Path) -> dict[str, list[str]]:
    """Makes the products in a folder; returns the jobs of every cell."""
    table, cells, scale = plan.tables[name], plan.cells[name], plan.scale
    numbers = measure(table, cells, store)
    drawing = Drawing(table, scale, numbers, cells, store)
    load_drawing(table.figure)(drawing, (out / "figure.png", out / "figure.svg"))
    drawn = [out / "figure.png"]
    if table.pictures is not None:
        drawn.append(out / PICTURES)
        load_drawing(table.pictures)(drawing, (out / PICTURES,))
    if table.kind == NO_CELLS:
        page = figure_sheet(table, scale)
        (out / FIGURE_PAGE[0]).write_text(write_markdown(page, drawn))
        (out / FIGURE_PAGE[1]).write_text(write_html(page, drawn))
    else:
        write_texts(make_sheet(plan, name, numbers, store), out, drawn)
    sources = {c.row + " / " + c.column: [j.digest for j in c.jobs] for c in cells}
    results = {job.digest: _origin(store.read(job)) for job in plan.needed(name)}
    body = {"table": name, "scale": scale.name, "cells": sources, "results": results}
    (out / "provenance.json").write_text(json.dumps({**body, "rendered": provenance()}, indent=1))
    return sources


def write_texts(sheet: Sheet, out: Path, drawn: Sequence[Path] = ()) -> None:
    """Writes a table in every format; the HTML shows the pictures ``drawn``."""
    (out / "table.md").write_text(write_markdown(sheet))
    (out / "table.csv").write_text(write_csv(sheet))
    (out / "table.tex").write_text(write_tex(sheet))
    (out / "table.html").write_text(write_html(sheet, drawn))
    (out / METRICS).write_text(write_metrics(sheet))


def _origin(result: dict[str, Any]) -> dict[str, Any]:
    """What a result says of its making."""
    return {"job": result["job"], "seconds": result["seconds"], "provenance": result["provenance"]}


@app.command()
def main(
    scale: ScaleName,
    name: Annotated[str, typer.Argument(metavar="TABLE", help="a declared table, e.g. table7")],
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Renders one table from its jobs' results."""
    found = plan(scale, own, plugins or ())
    out = render(found, found.known(name), Store(results))
    page = FIGURE_PAGE[0] if found.tables[name].kind == NO_CELLS else "table.md"
    print((out / page).read_text())


if __name__ == "__main__":
    run_app(app)
