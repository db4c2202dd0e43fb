"""Where a run stands: ``python -m pipelines.status SCALE [TABLE ...]`` shows which jobs are done,
running (step, time left), failed (last lines) or waiting.

Every job writes its own log and a CSV of its epochs below ``results/.logs/``; this reads them, and
which jobs' locks are held.
"""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from pipelines.command_line import (
    OwnTables,
    Plugins,
    ResultsFolder,
    ScaleName,
    Tables,
    run_app,
)
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from pipelines.plan.job import Job

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LAST = 3
"""Lines of a failed job's log that are shown."""


@dataclass(frozen=True)
class Standing:
    """Where one job stands: "done", "running", "failed" or "waiting", and the lines that say so."""

    state: str
    lines: tuple[str, ...] = ()


def standing(job: Job, store: Store) -> Standing:
    """Where a job stands.

    A job that has a log, holds no lock and has no result has failed, or was stopped; on a cluster a
    lock may be held on another machine, where the file system passes locks on.
    """
    if store.finished(job):
        return Standing("done")
    log = store.log(job)
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    if held(store.root / ".locks" / job.digest):
        return Standing("running", tuple(lines[-1:]))
    return Standing("failed", tuple(lines[-LAST:])) if lines else Standing("waiting")


def held(path: Path) -> bool:
    """Whether a process holds the lock of this file."""
    if not path.is_file():
        return False
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def summary(jobs: Mapping[str, Job], store: Store) -> list[str]:
    """Counts by state, then every job that runs or has failed."""
    found = {key: standing(job, store) for key, job in jobs.items()}
    states = ("done", "running", "failed", "waiting")
    counts = [f"{sum(s.state == state for s in found.values())} {state}" for state in states]
    lines = [", ".join(counts)]
    for state in ("running", "failed"):
        for key, each in found.items():
            if each.state == state:
                lines.append(f"{state:8} {key}  {jobs[key].describe()}")
                lines += [f"         {line}" for line in each.lines]
    return lines


@app.command()
def main(
    scale_name: ScaleName,
    tables: Tables = None,
    own: OwnTables = None,
    plugins: Plugins = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Done, running, failed and waiting jobs of these tables (none: all of the scale)."""
    whole, store = plan(scale_name, own, plugins or ()), Store(results)
    for name in whole.chosen(tables):
        if jobs := whole.closure(name):
            print(f"{name}: " + "\n".join(summary(jobs, store)))
    for line in whole.fault_lines() if not tables else ():
        print(line)


if __name__ == "__main__":
    run_app(app)
