"""List of the declared tables and figures: ``python -m pipelines.tables SCALE`` says what each is,
where it comes from and how many of its runs are there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Listing

from pipelines.command_line import OwnTables, Plugins, ResultsFolder, run_app
from pipelines.declare.study import SCALE
from pipelines.execute.store import Store
from pipelines.plan.build import plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    scale: Annotated[str, typer.Argument(metavar="[SCALE]", help="demo, small or paper")] = "",
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Lists every declared table and figure; `snakemake --cores all paper_tables/NAME` makes it."""
    found = plan(scale or ("demo" if own is None else SCALE), own, plugins or ())
    store = Store(results)
    listing = Listing("name", "title", "source", "runs done", box=None)
    for name, table in found.tables.items():
        needed = found.needed(name)
        done = sum(store.finished(job) for job in needed)
        listing.add_row(name, table.title, table.source, f"{done} of {len(needed)}")
    Console(width=None if sys.stdout.isatty() else 160).print(listing)
    for line in found.fault_lines():
        print(line, file=sys.stderr)


if __name__ == "__main__":
    run_app(app)
