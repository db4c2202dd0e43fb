"""Who does a job?  ``python -m pipelines.run SCALE DIGEST``: finds the job in the plan, does it,
stores the result.

Snakemake calls this; a person can, too (``python -m pipelines.run demo --list`` shows what there
is).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mixlib.data.catalog import DATASETS
from pipelines import datasets, grid, scale, table
from pipelines.bench import Bench, Progress
from pipelines.errors import check_keys, run_app
from pipelines.fingerprints import specify
from pipelines.job import Job
from pipelines.store import Store

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def plan(name: str) -> grid.Plan:
    """The plan of all declared tables at a scale.

    Raises:
        DeclarationError: a word of a declaration or of the scale is not known.
    """
    tables, chosen = table.load_all(), scale.load(name)
    check_keys(f"scale {name}: parts", chosen.parts, tables, "table")
    return grid.plan(tables, chosen)


def perform(
    job: Job, store: Store, *, checkpoint_seconds: float, options: dict[str, object]
) -> bool:
    """Does a job unless its result is there; returns whether there was anything to do."""
    leads = os.environ.get("RANK", "0") == "0"
    with store.working(job, leads) as folder:
        if store.finished(job):
            return False
        progress = Progress(f"{job.kind} {job.digest[:6]}")
        bench = Bench(folder, store, progress, checkpoint_seconds, options)
        outcome = job.run(bench)
        if leads:
            store.commit(job, folder, outcome)
    return True


@app.command()
def main(
    scale_name: Annotated[str, typer.Argument(metavar="SCALE", help="demo, small or paper")],
    digest: Annotated[str, typer.Argument(help="the job's digest (see --list)")] = "",
    data: Annotated[str, typer.Option(help="prepare the dataset of this fingerprint")] = "",
    list_jobs: Annotated[bool, typer.Option("--list", help="list every job of the scale")] = False,
    results: Annotated[Path, typer.Option(help="folder of all results")] = Path("results"),
    checkpoint_seconds: Annotated[
        float, typer.Option(help="least time between checkpoints")
    ] = 30.0,
    workers: Annotated[int, typer.Option(help="data loading processes")] = 0,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda or auto")] = "auto",
) -> None:
    """Does one job and stores its result; does nothing when the result is there."""
    found = plan(scale_name)
    store = Store(results)
    if data:
        wanted = found.data[data]
        row = DATASETS[wanted.name]
        print(datasets.provide(row, specify(row, dict(wanted.spec))))
        return
    if list_jobs or not digest:
        for key, job in found.jobs.items():
            print(f"{key}  {'done' if store.finished(job) else '    '}  {job.describe()}")
        return
    job = found.job(digest)
    print(f"[{job.kind} {digest[:6]}] {job.describe()}", file=sys.stderr, flush=True)
    options = {"workers": workers, "accelerator": accelerator}
    perform(job, store, checkpoint_seconds=checkpoint_seconds, options=options)


if __name__ == "__main__":
    run_app(app)
