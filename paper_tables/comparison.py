"""Comparison of measured runs with the paper's numbers: two columns for each of the table's, the
paper's and ours, never their difference, under a line that says on what ours were measured."""

from __future__ import annotations

import html
from collections.abc import Sequence

from paper_tables import formats
from paper_tables.measured_runs import MeasuredRuns

TITLE = "Measured runs, beside the paper's numbers"


def caveat(runs: MeasuredRuns) -> str:
    """The line above: scale, data, runs, and what may not be concluded."""
    from mixlib.datasets import DATASETS

    data = dict.fromkeys(DATASETS[j.data.name].title for job in runs.jobs for j in job.closure())
    line = formats.header(runs.table, runs.scale, tuple(data))
    if runs.scale.compare:
        return line
    return f"{line} The paper's are those of its own data, networks and schedules: not a target."


def origin(runs: MeasuredRuns) -> list[str]:
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


def _grid(runs: MeasuredRuns) -> tuple[list[str], list[list[str]]]:
    """Column heads, and per row its label and texts; only rows and columns with a kept run."""
    numbers = runs.numbers
    columns = [c for c in runs.table.columns if any(place[1] == c.label for place in numbers)]
    heads = [f"{c.label}, {who}" for c in columns for who in ("paper", runs.scale.title)]
    rows = []
    for row in runs.table.rows:
        if not any(place[0] == row.label for place in numbers):
            continue
        texts = [row.label]
        for column in columns:
            paper = runs.table.reference.get((row.label, column.label))
            cell = numbers.get((row.label, column.label))
            printed = formats.EMPTY if paper is None else f"{paper:.{column.decimals}f}"
            texts += [printed, formats.shown(cell, "±")]
        rows.append(texts)
    return heads, rows


def _stale(table: str, stale: Sequence[str]) -> str:
    return (
        f"Not shown, because no cell of this table rests on them any more, or not all runs of the "
        f"cell are there: {', '.join(stale)} in paper_tables/measured/{table}. Measure again or "
        "delete."
    )


def markdown(table: str, found: Sequence[MeasuredRuns], stale: Sequence[str]) -> str:
    """The kept runs of a table as a section of its page; "" where there are none."""
    lines = ["", f"## {TITLE}"] if found or stale else []
    for kept in found:
        heads, rows = _grid(kept)
        lines += ["", caveat(kept), "", "| | " + " | ".join(heads) + " |"]
        lines += ["|---|" + "---:|" * len(heads)]
        lines += ["| " + " | ".join(texts) + " |" for texts in rows]
        lines += ["", *(f"- {line}" for line in origin(kept))]
    if stale:
        lines += ["", _stale(table, stale)]
    return "".join(f"{line}\n" for line in lines)


def page(table: str, found: Sequence[MeasuredRuns], stale: Sequence[str]) -> str:
    """The same for the HTML page."""
    say = html.escape
    parts = [f"<h2>{say(TITLE)}</h2>"] if found or stale else []
    for kept in found:
        heads, rows = _grid(kept)
        head = "".join(f"<th scope=col>{say(text)}</th>" for text in heads)
        body = "".join(
            f"<tr><th scope=row>{say(texts[0])}</th>"
            + "".join(f"<td>{say(text)}</td>" for text in texts[1:])
            + "</tr>"
            for texts in rows
        )
        parts.append(f"<p class=scale>{say(caveat(kept))}</p>")
        parts.append(f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>")
        parts += [f"<p>{say(line)}</p>" for line in origin(kept)]
    if stale:
        parts.append(f"<p>{say(_stale(table, stale))}</p>")
    return "".join(parts)
