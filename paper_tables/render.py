"""How does a table come about?  ``python -m paper_tables.render SCALE TABLE``: results in, products
out.

Products, in ``paper_tables/<table>/``: table.md, .csv, .tex, .html, figure.png, .svg, pictures.png
where the table declares example pictures, provenance.json, and cells-<digest>.json, whose name is
the address of everything the table shows.  A declared figure has no table, only the figure.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_tables import beside, committed, figures, formats
from paper_tables.measure import Grid, measure
from pipelines.command_line import run_app
from pipelines.declare.table import NO_CELLS
from pipelines.execute.provenance import provenance
from pipelines.execute.store import Store
from pipelines.plan import grid
from pipelines.plan.build import plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
FOLDER = Path("paper_tables")
PICTURES = "pictures.png"


def products(plan: grid.Plan, name: str, folder: Path = FOLDER) -> list[Path]:
    """The files that a table's rule makes."""
    address = grid.digest(plan.tables[name], plan.scale, plan.cells[name])
    names = ["table.md", "table.csv", "table.tex", "table.html", "figure.png", "figure.svg"]
    if plan.tables[name].kind == NO_CELLS:
        names = ["figure.png", "figure.svg"]
    if plan.tables[name].pictures is not None:
        names.append(PICTURES)
    return [folder / name / n for n in (*names, "provenance.json", f"cells-{address}.json")]


def data_names(plan: grid.Plan, name: str) -> tuple[str, ...]:
    """Titles of every dataset behind a table, parents first."""
    from mixlib.datasets import DATASETS

    jobs = [j for job in plan.needed(name) for j in job.closure()]
    return tuple(dict.fromkeys(DATASETS[job.data.name].title for job in jobs))


def render(plan: grid.Plan, name: str, store: Store, folder: Path = FOLDER) -> Path:
    """Writes all products of a table and returns their folder."""
    table, cells, scale = plan.tables[name], plan.cells[name], plan.scale
    measured = measure(table, cells, store)
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("cells-*.json"):
        old.unlink()
    drawing = figures.Drawing(table, scale, measured, cells, store)
    figures.drawer(table.figure)(drawing, (out / "figure.png", out / "figure.svg"))
    drawn = [out / "figure.png"]
    if table.pictures is not None:
        drawn.append(out / PICTURES)
        figures.drawer(table.pictures)(drawing, (out / PICTURES,))
    if table.kind != NO_CELLS:
        _write_table(plan, name, measured, drawn)
    sources = {c.row + " / " + c.column: [j.digest for j in c.jobs] for c in cells}
    results = {job.digest: _origin(store.read(job)) for job in plan.needed(name)}
    body = {"table": name, "scale": scale.name, "cells": sources, "results": results}
    (out / "provenance.json").write_text(json.dumps({**body, "rendered": provenance()}, indent=1))
    products(plan, name, folder)[-1].write_text(json.dumps({"cells": sources}, indent=1))
    return out


def _write_table(plan: grid.Plan, name: str, measured: Grid, drawn: list[Path]) -> None:
    """The numbers in every format, beside the pictures already drawn; below them, but not in the
    LaTeX that goes into a paper, the runs that the repository keeps."""
    table, scale, out = plan.tables[name], plan.scale, drawn[0].parent
    data = data_names(plan, name)
    found, stale = committed.kept(table)
    below = beside.markdown(name, found, stale)
    (out / "table.md").write_text(formats.markdown(table, measured, scale, data) + below)
    texts = [formats.csv_text(table, measured, scale)]
    # kept runs of this scale are the lines above: the same jobs
    others = [k for k in found if k.scale.name != scale.name]
    texts += [formats.csv_text(k.table, k.numbers, k.scale, head=False) for k in others]
    (out / "table.csv").write_text("".join(texts))
    (out / "table.tex").write_text(formats.latex(table, measured, scale, data))
    more = beside.page(name, found, stale)
    (out / "table.html").write_text(formats.page(table, measured, scale, data, drawn, more))


def _origin(result: dict[str, Any]) -> dict[str, Any]:
    """What a result says of its making."""
    return {"job": result["job"], "seconds": result["seconds"], "provenance": result["provenance"]}


@app.command()
def main(
    scale: Annotated[str, typer.Argument(metavar="SCALE", help="demo, small or paper")],
    name: Annotated[str, typer.Argument(metavar="TABLE", help="a declared table, e.g. table7")],
    results: Annotated[Path, typer.Option(help="folder of all results")] = Path("results"),
) -> None:
    """Renders one table from its jobs' results."""
    found = plan(scale)
    out = render(found, found.known(name), Store(results))
    table = out / "table.md"
    print(table.read_text() if table.exists() else f"{out / 'figure.png'}")


if __name__ == "__main__":
    run_app(app)
