"""The command of a job's process: ``python -m pipelines.execute JOB_FILE`` does one planned job.

The file holds the resolved job (:mod:`pipelines.plan.job_file`), so nothing is planned here.
Snakemake calls this; a person calls ``python -m pipelines.run SCALE DIGEST``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.command_line import (
    Accelerator,
    CheckpointSeconds,
    OwnTables,
    Plugins,
    Portable,
    ResultsFolder,
    Workers,
    run_app,
)
from pipelines.declare.study import admit_folder, admit_plugins
from pipelines.execute.load_and_perform import load_and_perform
from pipelines.execute.store import Store
from pipelines.plan import job_file

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    path: Annotated[Path, typer.Argument(metavar="JOB_FILE", help="<digest>.json of a plan")],
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
    checkpoint_seconds: CheckpointSeconds = 30.0,
    workers: Workers = 0,
    accelerator: Accelerator = "auto",
    portable: Portable = False,
) -> None:
    """Does one job and stores its result; does nothing when the result is there."""
    # what the job names and the catalogs do not know
    admit_plugins(plugins or ())
    if own is not None:
        admit_folder(own)
    load_and_perform(
        job_file.read(path),
        Store(results),
        portable=portable,
        checkpoint_seconds=checkpoint_seconds,
        workers=workers,
        accelerator=accelerator,
    )


if __name__ == "__main__":
    run_app(app)
