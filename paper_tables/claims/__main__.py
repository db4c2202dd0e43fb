"""Command that lists all claims with where they stand: ``python -m paper_tables.claims SCALE``
writes ``paper_tables/claims.html``; with ``--hours`` also the GPU-hours that verdicts need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from mixlib.whole_files import write_whole
from paper_tables.claims.contradictions import find_contradictions
from paper_tables.claims.margin_record import check_margins, read_record
from paper_tables.claims.page import Row, write_page
from paper_tables.claims.verdicts import judge_number, judge_sentence
from paper_tables.measure import Grid, measure
from paper_tables.measured_runs import FOLDER as KEPT
from paper_tables.measured_runs import find_runs
from pipelines.command_line import ResultsFolder, ScaleName, run_app
from pipelines.cost import hours as gpu_hours
from pipelines.declare.claims import Place, numbers_of, read_rules, read_sentences
from pipelines.declare.table import Table
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from pipelines.plan.grid import Plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Hours = Callable[[str, set[Place]], float]


def measured(found: Plan, table: Table, store: Store) -> tuple[Grid, bool]:
    """The cells of a table whose runs are all there, in the store or kept, at the plan's scale; and
    whether that scale may be compared with the paper.  Where only other scales have runs, theirs,
    which judge nothing."""
    done = tuple(c for c in found.cells[table.name] if all(map(store.finished, c.jobs)))
    kept, _ = find_runs(table)
    own = [runs.numbers for runs in kept if runs.scale.name == found.scale.name]
    grid = {place: cell for numbers in own for place, cell in numbers.items()}
    grid |= measure(table, done, store)
    if grid:
        return grid, found.scale.compare
    others = {place: cell for runs in kept for place, cell in runs.numbers.items()}
    return others, found.scale.compare and not others


def rows_of(
    found: Plan,
    store: Store,
    hours: Hours | None = None,
    watch: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> list[Row]:
    """Every claim of the papers with its verdict at a scale.

    Args:
        found: the plan of a scale.
        store: of its results.
        hours: counts what is left to run; None: nobody asks.
        watch: sees the tables pass, to show how far it is.

    Raises:
        DeclarationError: a margin was changed after a result was kept under it.
    """
    rules, rows = read_rules(), []
    wholes = {name: table.whole or table for name, table in found.tables.items()}
    check_margins(read_record(KEPT), wholes, rules)
    sentences, _ = read_sentences(wholes)
    for name in watch(list(wholes)):
        table = wholes[name]
        grid, judges = measured(found, table, store)
        for claim in numbers_of(table, rules):
            verdict = judge_number(claim, rules, grid, judges)
            places = {claim.place, *([claim.over] if claim.over else [])}
            amount = claim.margin.amount
            margin = "" if amount is None else f"{amount:.2g}"
            left = verdict.missing * hours(name, places) if hours and verdict.missing else None
            text, where = claim.label, table.source
            source = claim.margin.source
            rows.append(Row(name, text, where, f"{claim.printed:g}", margin, source, verdict, left))
        for sentence in (each for each in sentences if each.table == name):
            verdict = judge_sentence(sentence, table, rules, grid, judges)
            places = {place for pair in sentence.pairs for place in pair}
            left = verdict.missing * hours(name, places) if hours and verdict.missing else None
            where = f"{sentence.paper}, {sentence.place}"
            rows.append(Row(name, sentence.text, where, "", "", "", verdict, left))
    return rows


def hours_of(found: Plan) -> Hours:
    """(table, cells) -> GPU-hours of one run of each, with what it rests on, each job once."""
    known: dict[str, float] = {}

    def count(name: str, places: set[Place]) -> float:
        cells = [c for c in found.cells[name] if (c.row, c.column) in places]
        jobs = {job.digest: job for c in cells for job in c.jobs[0].closure()}
        for key, job in jobs.items():
            if key not in known:
                known[key] = gpu_hours(job)
        return sum(known[key] for key in jobs)

    return count


@app.command()
def main(
    scale: ScaleName,
    results: ResultsFolder = Path("results"),
    hours: Annotated[bool, typer.Option("--hours", help="count GPU-hours (A100), too")] = False,
    out: Annotated[Path, typer.Option(help="the page")] = Path("paper_tables/claims.html"),
) -> None:
    """Writes the page of all claims."""
    found = plan(scale)
    paper = found if scale == "paper" else plan("paper")
    # without hours this takes a moment
    watch = partial(track, description="claims", console=Console(stderr=True), disable=not hours)
    rows = rows_of(found, Store(results), hours_of(found) if hours else None, watch)
    rules, told = read_rules(), read_sentences(paper.tables)
    wrong = find_contradictions(paper, rules, *told)
    write_whole(out, write_page(rows, wrong, rules, found.scale), durable=False)
    states = Counter(row.verdict.state for row in rows)
    shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    print(f"{out}: {len(rows)} claims ({shown}); {len(wrong)} contradictions inside the papers")


if __name__ == "__main__":
    run_app(app)
