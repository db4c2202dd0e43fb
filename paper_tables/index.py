"""Command that collects every table and figure in one offline page: ``python -m paper_tables.index
SCALE`` writes ``paper_tables/index.html``.

What has been rendered at this scale is shown, picture first; for the rest the page says how many of
its runs are there, and the command that makes it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mixlib.whole_files import write_whole
from paper_tables.overview import collect
from paper_tables.render import FOLDER
from paper_tables.writers.index import write_index
from pipelines.command_line import OwnTables, Plugins, ResultsFolder, ScaleName, run_app
from pipelines.execute.store import Store
from pipelines.plan.build import plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    scale: ScaleName,
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
    folder: Annotated[
        Path | None, typer.Option(help="folder of the products; none: that of the declarations")
    ] = None,
) -> None:
    """Writes one page with every table and figure."""
    found = plan(scale, own, plugins or ())
    folder = folder or own or FOLDER
    entries = collect(found, Store(results), folder)
    out = folder / "index.html"
    write_whole(out, write_index(entries, found.scale, folder), durable=False)
    for line in found.fault_lines():
        print(line, file=sys.stderr)
    done = sum(entry.rendered for entry in entries)
    print(f"{out}: {done} of {len(entries)} tables and figures")


if __name__ == "__main__":
    run_app(app)
