"""Command that writes the page of a study from its kept runs:
``python -m paper_tables.kept_page FOLDER PAGE``.

The page needs no data and no results: whoever has the repository can write it again.  It holds
what the study's ``about.md`` says, every table (cells without their runs as dashes) and pictures.
Methods are compared when all of them are there: looking after every run, and stopping at will,
would find differences that are none.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mixlib.whole_files import write_whole
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.registry import load_drawing
from paper_tables.epoch_notes import epoch_notes
from paper_tables.measured_runs import FOLDER, MeasuredRuns, runs_of_study
from paper_tables.origin import data_titles
from paper_tables.sheet import build_sheet
from paper_tables.writers import write_markdown
from pipelines.command_line import run_app
from pipelines.declare import table as declared
from pipelines.declare.table import Table
from pipelines.execute.store import Store

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
ABOUT = "about.md"
LATER = "The declared comparisons are made when every cell has its runs."


def cells_of(table: Table) -> int:
    """How many cells a table has."""
    return len(table.rows) * len(table.columns) - len(table.skip)


def whole(runs: MeasuredRuns) -> bool:
    """Whether every cell has its runs."""
    return len(runs.numbers) == cells_of(runs.table)


def section(runs: MeasuredRuns, picture: str = "") -> str:
    """A table in Markdown: its cells so far, and how many are missing.

    Args:
        runs: the kept runs of the table.
        picture: its path on the page; "": none.
    """
    table, seeds = runs.table, runs.scale.runs(runs.table.name, runs.table.kind)
    hours = sum(result["seconds"] for result in runs.results) / 3600
    said = (
        f"{len(runs.numbers)} of {cells_of(table)} cells have their {seeds} run"
        f"{'s' * (seeds > 1)}; {hours:.1f} hours of training."
    )
    waits = table.paired is not None and not whole(runs)
    sheet = build_sheet(
        replace(table, paired=None) if waits else table,
        runs.numbers,
        runs.scale,
        data_titles(runs.jobs),
        runs.results,
        remarks=(said, *epoch_notes(runs.jobs, table), *([LATER] if waits else [])),
    )
    shown = f"\n![{table.title}]({picture})\n" if picture else ""
    # below the page's own title, and the line about scale and data below this heading
    header, heading, rest = write_markdown(sheet).split("\n\n", 2)
    return f"#{heading}\n\n{header}\n\n{rest}{shown}"


def about(folder: Path) -> str:
    """The study in its authors' words, which stand first: ``about.md`` beside the declarations, if
    it is there."""
    path = folder / ABOUT
    return f"\n{path.read_text().strip()}\n" if path.exists() else ""


def page(folder: Path, kept: Path, pictures: Path, beside: Path) -> str:
    """The whole page; draws its pictures.

    Args:
        folder: of the study's declarations.
        kept: of the kept runs.
        pictures: where pictures go.
        beside: folder of the page, from which the pictures are linked.
    """
    parts, tables = [], declared.load_all(folder)
    for name, table in tables.items():
        runs = runs_of_study(table, kept)
        if not runs.jobs:
            continue
        path = pictures / f"{name}.png"
        # a drawing asks for every cell
        drawn = whole(runs)
        if drawn:
            drawing = Drawing(table, runs.scale, runs.numbers, (), Store(kept / name))
            load_drawing(table.figure)(drawing, (path,))
        parts.append(section(runs, path.relative_to(beside).as_posix() if drawn else ""))
    command = f"python -m paper_tables.kept_page {folder.as_posix()}"
    title = next(iter(tables.values())).source
    head = f"# {title}\n\nWritten from the kept runs by `{command}`.\n{about(folder)}"
    return "\n".join([head, *parts]) if parts else f"{head}\nNo run is kept yet.\n"


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="folder of a study's declarations")],
    out: Annotated[Path, typer.Argument(help="the page, e.g. docs/laptop.md")],
    kept: Annotated[Path, typer.Option(help="folder of the kept runs")] = FOLDER,
) -> None:
    """Writes the page of a study from its kept runs, its pictures into images/ beside it."""
    pictures = out.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    write_whole(out, page(folder, kept, pictures, out.parent), durable=False)
    print(out)


if __name__ == "__main__":
    run_app(app)
