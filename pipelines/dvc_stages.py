"""Stages of DVC, one a declared table: ``python -m pipelines.dvc_stages`` writes ``dvc.yaml`` from
the declarations; ``--check`` says whether it is theirs.

Snakemake does the work and keeps every finished job in ``results/``; a stage of DVC says what a
table depends on, so that ``dvc repro TABLE`` runs it when its declaration, its scale or the sources
changed, and holds its cells as metrics and its figure as a plot.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from pipelines.command_line import run_app
from pipelines.declare import table
from pipelines.declare.table import NO_CELLS, Table

FILE = Path("dvc.yaml")
HEAD = """\
# The declared tables and figures as stages, written from their declarations:
#   python -m pipelines.dvc_stages
# `dvc repro TABLE` runs one of them if its declaration, the scale or the sources changed; Snakemake
# does the work and keeps every finished job in results/, so only what changed is computed. Products
# are made again from results in seconds; DVC's cache holds the cells alone, for `dvc metrics diff`.
"""
SCALE = "demo"
SOURCES = ("Snakefile", "mixlib", "downstream", "pipelines")
RENDERER = (
    *("derived_metrics", "gains", "measure", "sheet", "origin", "comparison", "average_precision"),
    *("measured_runs", "freshness", "warnings", "epoch_notes", "subset_notes", "paired"),
    "render",
)
PRODUCTS = ("table.md", "table.csv", "table.tex", "table.html")
FIGURE_PAGE = ("figure.md", "figure.html")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class _Once(yaml.SafeDumper):
    """Writes a list that many stages share as an anchor and its uses, lists below their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def stages(tables: Mapping[str, Table]) -> dict[str, Any]:
    """The body of ``dvc.yaml``: the scale as a variable and a stage for every table."""
    shared = [
        *SOURCES,
        *(f"paper_tables/{name}.py" for name in RENDERER),
        "paper_tables/claims",
        "paper_tables/writers",
        "paper_tables/drawings",
    ]
    return {
        "vars": [{"scale": SCALE}],
        "stages": {name: _stage(found, shared) for name, found in tables.items()},
    }


def _stage(found: Table, sources: list[str]) -> dict[str, Any]:
    name, folder = found.name, f"paper_tables/{found.name}"
    drawn = found.kind == NO_CELLS
    uncached = {"cache": False}
    files = [*(FIGURE_PAGE if drawn else PRODUCTS), "figure.svg", "provenance.json"]
    if found.pictures is not None:
        files.append("pictures.png")
    section = "figures" if drawn else "tables"
    stage: dict[str, Any] = {
        "cmd": f"snakemake --cores all --config scale=${{scale}} -- {folder}",
        "desc": found.title,
        "deps": sources,
        "params": [
            {found.file: [f"{section}.{name}"]},
            # the whole file, as data: null says so to DVC
            {"pipelines/scales/${scale}.yaml": None},
        ],
        "outs": [{f"{folder}/{file}": dict(uncached)} for file in files],
        "plots": [{f"{folder}/figure.png": dict(uncached)}],
    }
    if not drawn:
        stage["metrics"] = [f"{folder}/metrics.json"]
    return stage


def text(tables: Mapping[str, Table]) -> str:
    """``dvc.yaml`` as it is written."""
    body = yaml.dump(stages(tables), Dumper=_Once, sort_keys=False, width=100, allow_unicode=True)
    return HEAD + body.replace("id001", "sources")


@app.command()
def main(
    check: Annotated[
        bool, typer.Option("--check", help="only say whether the file is up to date")
    ] = False,
) -> None:
    """Writes dvc.yaml from the declarations."""
    wanted = text(table.load_all())
    if not check:
        FILE.write_text(wanted)
    elif FILE.read_text() != wanted:
        print(f"{FILE} is not what the declarations say: python -m pipelines.dvc_stages")
        sys.exit(1)


if __name__ == "__main__":
    run_app(app)
