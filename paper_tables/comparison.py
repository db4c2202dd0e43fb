"""Comparison of measured runs with the paper's numbers: two columns for each of the table's, the
paper's and ours, never their difference, under a line that says on what ours were measured."""

from __future__ import annotations

from collections.abc import Sequence

from paper_tables.measure import fixed
from paper_tables.measured_runs import MeasuredRuns
from paper_tables.origin import data_titles
from paper_tables.sheet import Comparison, Line, Value, header, printed


def compare_runs(runs: MeasuredRuns) -> Comparison:
    """The measured runs of a table at one scale, beside the paper's numbers; only rows and columns
    with a measured run."""
    numbers, table = runs.numbers, runs.table
    columns = [c for c in table.columns if any(place[1] == c.label for place in numbers)]
    heads = [f"{c.label}, {who}" for c in columns for who in ("paper", runs.scale.title)]
    lines = []
    for row in table.rows:
        if not any(place[0] == row.label for place in numbers):
            continue
        values = []
        for column in columns:
            paper = table.reference.get((row.label, column.label))
            cell = numbers.get((row.label, column.label))
            values.append(Value() if paper is None else Value(fixed(paper, column.decimals)))
            values.append(Value() if cell is None else Value(*printed(cell)))
        lines.append(Line(row.label, tuple(values)))
    return Comparison(
        scale=runs.scale.name,
        caveat=caveat(runs),
        heads=tuple(heads),
        lines=tuple(lines),
        notes=tuple(_origin(runs)),
        numbers=numbers,
    )


def caveat(runs: MeasuredRuns) -> str:
    """The line above: scale, data, runs, and what may not be concluded."""
    line = header(runs.table, runs.scale, data_titles(runs.jobs))
    if runs.scale.compare:
        return line
    return f"{line} The paper's are those of its own data, networks and schedules: not a target."


def _origin(runs: MeasuredRuns) -> list[str]:
    """The lines below: what was run, from which sources, for how long, and how to do it again."""
    commits = sorted({r["provenance"]["git"]["commit"][:7] for r in runs.results})
    torch = sorted({r["provenance"]["versions"]["torch"] for r in runs.results})
    minutes = sum(r["seconds"] for r in runs.results) / 60
    name, word = runs.table.name, runs.scale.name
    return [
        f"{len(runs.jobs)} runs, {minutes:.0f} minutes of wall time in all, with torch "
        f"{', '.join(torch)}, from commit {', '.join(commits)}. The first: "
        f"{runs.jobs[0].describe()}.",
        f"Their results are in paper_tables/measured/{name}. To measure them again: "
        f"snakemake --cores all --config scale={word} -- paper_tables/{name}; to keep what was "
        f"measured: python -m paper_tables.measured_runs {word} {name}.",
    ]


def describe_stale(table: str, stale: Sequence[str]) -> str:
    """Which measured results no cell of a table needs any more; "" where there are none."""
    if not stale:
        return ""
    return (
        f"Not shown, because no cell of this table rests on them any more, or not all runs of the "
        f"cell are there: {', '.join(stale)} in paper_tables/measured/{table}. Measure again or "
        "delete."
    )
