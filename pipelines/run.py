"""One job of a scale: ``python -m pipelines.run SCALE DIGEST`` finds it in the plan, does it and
stores the result; ``--list`` shows what there is.

A person calls this; Snakemake hands a resolved job to ``python -m pipelines.execute``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from mixlib.data.catalog import DATASETS
from pipelines.command_line import (
    Accelerator,
    CheckpointSeconds,
    OwnTables,
    Plugins,
    ResultsFolder,
    ScaleName,
    Workers,
    run_app,
)
from pipelines.data import datasets
from pipelines.data.fingerprints import specify
from pipelines.execute.load_and_perform import load_and_perform
from pipelines.execute.result_file import CorruptResult
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from pipelines.plan.job import Job
from pipelines.stale import report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    scale_name: ScaleName,
    digest: Annotated[str, typer.Argument(help="the job's digest (see --list)")] = "",
    data: Annotated[str, typer.Option(help="prepare the dataset of this fingerprint")] = "",
    verify: Annotated[bool, typer.Option("--verify", help="check every stored result")] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="list the stored results that edits of the code touch")
    ] = False,
    list_jobs: Annotated[bool, typer.Option("--list", help="list every job of the scale")] = False,
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
    checkpoint_seconds: CheckpointSeconds = 30.0,
    workers: Workers = 0,
    accelerator: Accelerator = "auto",
) -> None:
    """Does one job and stores its result; does nothing when the result is there."""
    found = plan(scale_name, own, plugins or ())
    store = Store(results)
    if data:
        wanted = found.dataset(data)
        row = DATASETS[wanted.name]
        print(datasets.provide(row, specify(row, dict(wanted.spec))))
        return
    if verify:
        raise typer.Exit(verify_results(found.jobs.values(), store))
    if stale:
        print("\n".join(report(found.jobs.values(), store)))
        return
    if list_jobs or not digest:
        for key, job in found.jobs.items():
            print(f"{key}  {'done' if store.finished(job) else '    '}  {job.describe()}")
        for line in found.fault_lines():
            print(line, file=sys.stderr)
        return
    job = found.job(digest)
    load_and_perform(
        job,
        store,
        portable=found.scale.portable,
        checkpoint_seconds=checkpoint_seconds,
        workers=workers,
        accelerator=accelerator,
    )


def verify_results(jobs: Iterable[Job], store: Store) -> int:
    """Checks the results of jobs and their files, prints what is wrong; 1 if anything is."""
    done = [job for job in jobs if store.finished(job)]
    wrong = 0
    for i, job in enumerate(done, 1):
        try:
            store.verify(job)
        except CorruptResult as error:
            wrong += 1
            print(f"wrong: {error}")
        if sys.stderr.isatty():
            print(f"\rverified {i}/{len(done)}", end="", file=sys.stderr, flush=True)
    print(f"{len(done)} results, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    run_app(app)
