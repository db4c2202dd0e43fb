"""The command ``python -m pipelines.rehearsal [TABLE ...]``: every distinct combination of the
papers' tables, or of a study's, once, on a CPU, and a table of what became of it; ends with 1 where
one fails.

A stopped rehearsal goes on where it was; what another version of the source has passed is done
again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mixlib.data.catalog import DATASETS
from mixlib.whole_files import write_whole
from pipelines.command_line import OwnTables, Plugins, Tables, run_app
from pipelines.data import datasets
from pipelines.data.fingerprints import specify
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from pipelines.plan.job import Job
from pipelines.rehearsal.attempt import Row, attempt, read_row
from pipelines.rehearsal.combinations import (
    combination,
    cost,
    counted,
    cover,
    distinct,
    runnable,
    sample,
    with_ancestors,
)
from pipelines.rehearsal.processes import Told, end_all
from pipelines.rehearsal.table import failures, summary, whole
from pipelines.rehearsal.weights import write_published

SCALE = "rehearsal"
SOURCES = ("mixlib", "downstream", "pipelines")
ALONE = Told()
"""The papers' own tables and methods."""
START = 11.0
"""What a job takes besides its steps, in the unit of :func:`cost` (fitted to 269 trainings)."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Part(StrEnum):
    """Which jobs are rehearsed."""

    distinct = "distinct"
    cover = "cover"
    every = "every"


@app.command()
def main(
    tables: Tables = None,
    own: OwnTables = None,
    plugins: Plugins = None,
    part: Annotated[
        Part,
        typer.Option(
            help="one job of each distinct combination; the few that cover every network, recipe, "
            "method, layout and kind; or every job"
        ),
    ] = Part.distinct,
    jobs: Annotated[int, typer.Option(min=1, help="jobs side by side, a core each")] = 2,
    folder: Annotated[Path, typer.Option(help="where results and the table are kept")] = Path(
        "results/rehearsal"
    ),
    older: Annotated[
        bool, typer.Option("--older", help="what another version of the source has passed counts")
    ] = False,
    stops: Annotated[bool, typer.Option(help="stop and resume a sample of them")] = True,
    list_jobs: Annotated[bool, typer.Option("--list", help="list the jobs, and do none")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="the table of what was rehearsed so far, and do nothing")
    ] = False,
) -> None:
    """Starts, trains and measures the jobs of the papers' tables, or of your own, for a few steps
    each."""
    told = Told(own=own, plugins=tuple(plugins or ()))
    chosen, stopped, notes = choose(tables or [], part, told)
    if not stops:
        stopped = set()
    what = ", ".join(f"{n} {name}s" for name, n in counted(chosen).items())
    combinations = len({combination(job) for job in chosen})
    print(f"{len(chosen)} jobs of {combinations} combinations ({what}); {len(stopped)} are stopped")
    for note in notes:
        print(f"note: {note}")
    if list_jobs:
        for job in chosen:
            print(f"{job.digest}  {' '.join(combination(job))}{'  *' * (job.digest in stopped)}")
        return
    if show:
        kept = (read_row(folder, job) for job in chosen)
        print(whole([row for row in kept if row is not None], notes))
        return
    rows = list(rehearse(chosen, stopped, folder.absolute(), jobs, older, told))
    page = whole(rows, notes)
    write_whole(folder / "table.md", page, durable=False)
    print(f"\n{page}\n{summary(rows)}\nthe table: {folder / 'table.md'}")
    failed = failures(rows)
    lost = len(chosen) - len(rows)
    if failed or lost:
        waiting = f"; {lost} were not started, since what they start from failed" * bool(lost)
        sys.exit("\n".join(failed) + f"\n{len(failed)} jobs failed{waiting}")


def choose(
    tables: Sequence[str], part: Part, told: Told = ALONE
) -> tuple[list[Job], set[str], list[str]]:
    """The jobs, ancestors first; digests of those that are stopped and resumed; notes.

    Raises:
        DeclarationError: a table is not known, or a recipe of the papers' cannot run.
    """
    found = plan(SCALE, told.own, told.plugins)
    # a table that cannot be planned ends it: none of its jobs could start
    names = tables or [*found.faults, *found.tables]
    closure = found.closure(*[found.known(name) for name in names])
    jobs, notes = runnable(closure.values())
    if part != Part.every:
        jobs = distinct(jobs)
    if part == Part.cover:
        jobs = cover(jobs)
    # what costs little comes first: most failures show in minutes
    return with_ancestors(sorted(jobs, key=cost)), {job.digest for job in sample(jobs)}, notes


def rehearse(
    jobs: Sequence[Job],
    stopped: set[str],
    folder: Path,
    side_by_side: int,
    older: bool = False,
    told: Told = ALONE,
) -> Iterator[Row]:
    """The row of every job, as soon as it has one; jobs whose parents failed have none."""
    code, store, began = source_digest(told), Store(folder), time.monotonic()
    kept = {job.digest: read_row(folder, job) for job in jobs}
    done: dict[str, Row] = {
        key: row
        for key, row in kept.items()
        if row is not None and row.passed and (older or row.code == code)
        if row.resumed or key not in stopped
    }
    waiting = {job.digest: job for job in with_ancestors(j for j in jobs if j.digest not in done)}
    # a parent that passed and is no longer there is done again
    for key, job in list(waiting.items()):
        if key in done and store.finished(job):
            del waiting[key]
    for key in set(waiting) & set(done):
        del done[key]
    yield from done.values()
    prepare(waiting.values())
    environment = write_published(waiting.values(), folder.parent / "rehearsal_weights")
    told = replace(told, environment=environment)
    total, failed = len(done) + len(waiting), set[str]()
    work, spent = sum(map(length, waiting.values())), 0.0
    running: dict[Future[Row], Job] = {}
    with ThreadPoolExecutor(side_by_side) as pool, ended_with_this():
        while waiting or running:
            for job in ready(waiting, running.values(), failed)[: side_by_side - len(running)]:
                del waiting[job.digest]
                todo = (job, folder, code, told, job.digest in stopped)
                running[pool.submit(attempt, *todo)] = job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, row = running.pop(future), future.result()
                done[job.digest] = row
                if not row.passed:
                    failed.add(job.digest)
                spent += length(job)
                seconds = time.monotonic() - began
                tell(row, f"{len(done)}/{total}", seconds, seconds * (work - spent) / spent)
                yield row
                tidy(jobs, done, store)


@contextmanager
def ended_with_this() -> Iterator[None]:
    """Inside, jobs that run end when this command is interrupted, instead of being waited for."""
    try:
        yield
    except BaseException:
        end_all()
        raise


def ready(waiting: Mapping[str, Job], running: Iterable[Job], failed: set[str]) -> list[Job]:
    """Waiting jobs whose parents are done."""
    busy = {job.digest for job in running} | set(waiting)
    return [
        job
        for job in waiting.values()
        if not any(parent.digest in busy | failed for parent in job.parents())
    ]


def length(job: Job) -> float:
    """About how long a job takes beside others, its start included."""
    return START + cost(job)


def tell(row: Row, place: str, seconds: float, left: float) -> None:
    """A line for a job that has ended; seconds of the rehearsal, and about how many are left."""
    word = "ok" if row.passed else "FAILED"
    more = ", resumed" if row.resumed else ""
    print(
        f"{place} {word} {row.seconds:.0f} s, {row.peak / 2**30:.1f} GiB{more}: "
        f"{' '.join(row.combination)} ({seconds / 60:.0f} min, about {left / 60:.0f} left)",
        flush=True,
    )
    for text in row.failure:
        print(f"    {text}", flush=True)


def tidy(jobs: Sequence[Job], done: Mapping[str, Row], store: Store) -> None:
    """Removes the results that no job starts from any more: networks take gigabytes."""
    needed = {
        parent.digest
        for job in jobs
        if job.digest not in done or not done[job.digest].passed
        for parent in job.parents()
    }
    for key, row in done.items():
        if row.passed and key not in needed:
            shutil.rmtree(store.root / key, ignore_errors=True)


def prepare(jobs: Iterable[Job]) -> None:
    """Draws every dataset that is not here yet."""
    for data in {d.fingerprint: d for job in jobs for d in job.datasets}.values():
        row = DATASETS[data.name]
        print(f"{row.title}: {datasets.provide(row, specify(row, dict(data.spec)))}", flush=True)


def source_digest(told: Told = ALONE) -> str:
    """Digest of the source whose jobs are rehearsed, one's own methods and networks included."""
    root = Path(__file__).parents[2]
    ours = (path for name in SOURCES for path in (root / name).rglob("*"))
    files = sorted(path for path in ours if path.suffix in (".py", ".yaml"))
    if told.own is not None:
        files += sorted(told.own.glob("*.py"))
    text = hashlib.sha256()
    for path in (*files, *told.plugins):
        named = path.relative_to(root) if path.is_relative_to(root) else path.name
        text.update(f"{named}\n".encode() + path.read_bytes())
    return text.hexdigest()[:16]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_app(app)
