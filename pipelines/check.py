"""Check before spending: ``python -m pipelines.check SCALE [TABLE ...] [--gpus 8 --memory 80]``
lists everything that would stop a job later, and ends with 1 if there is anything.

At scale paper all jobs of a Snakemake run wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mixlib.whole_files import write_whole
from pipelines import findings
from pipelines.command_line import (
    OwnTables,
    Plugins,
    ResultsFolder,
    ScaleName,
    Tables,
    run_app,
)
from pipelines.cost import Gpu, hours
from pipelines.declare.errors import DeclarationError
from pipelines.estimate import of_job, stored
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from pipelines.plan.job import Job
from pipelines.start import processes

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    scale_name: ScaleName,
    tables: Tables = None,
    own: OwnTables = None,
    plugins: Plugins = None,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs that one job gets at most")] = 8,
    memory: Annotated[float, typer.Option(help="memory of a GPU in GiB")] = 80.0,
    gpu: Annotated[Gpu, typer.Option(help="which GPU, for the estimate of hours")] = Gpu.a100,
    results: ResultsFolder = Path("results"),
    mark: Annotated[Path | None, typer.Option(help="written when nothing was found")] = None,
) -> None:
    """Lists everything that would stop a job of these tables (none: all of the scale)."""
    found = 0
    study = (own, tuple(plugins or ()))
    for text in everything(scale_name, tables or [], gpus, memory, gpu, results, study):
        found += 1
        print(f"- {text}", flush=True)
    what = " ".join(tables or ["every table"])
    if found:
        sys.exit(f"{found} found that would stop {what} at scale {scale_name} on this machine")
    print(f"nothing found that would stop {what} at scale {scale_name}")
    if mark is not None:
        write_whole(mark, f"{what}\n", durable=False)


def everything(
    scale_name: str,
    tables: list[str],
    gpus: int,
    memory: float,
    gpu: Gpu,
    results: Path,
    study: tuple[Path | None, tuple[Path, ...]] = (None, ()),
) -> Iterator[str]:
    """Every finding; of a table whose declaration cannot be used, only that."""
    try:
        whole = plan(scale_name, *study)
        names = [whole.known(name) for name in tables or whole.tables if name not in whole.faults]
    except DeclarationError as error:
        yield f"declaration: {error}"
        return
    for name in whole.faults if not tables else [n for n in tables if n in whole.faults]:
        yield f"declaration: {whole.faults[name]}"
    store = Store(results)
    jobs = [job for job in whole.closure(*names).values() if not store.finished(job)]
    yield from findings.of_data(jobs)
    yield from findings.of_amounts(jobs)
    yield from findings.of_boxes(jobs)
    yield from findings.of_software(jobs)
    yield from findings.of_shards(jobs, gpus)
    yield from findings.of_disk(jobs, results, stored)
    yield from findings.of_memory(
        jobs, memory, lambda job: of_job(job, max(1, processes(job.shards, gpus))).memory
    )

    def takes(job: Job) -> float:
        return hours(job, gpu)

    yield from findings.of_time(jobs, gpus, takes)


if __name__ == "__main__":
    run_app(app)
