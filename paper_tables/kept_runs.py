"""Command that checks the kept runs: ``python -m paper_tables.kept_runs``.

A kept run must read back whole (its job has the digest of its name), its job must be one that
today's code makes again, its history must hold every epoch and give the stored accuracy, and it
must say from which source it comes: a commit without changes, and the modules behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from paper_tables.measured_runs import FOLDER
from pipelines.command_line import run_app
from pipelines.execute.provenance import closure_digest
from pipelines.execute.result_file import load
from pipelines.plan.epoch_selection import select_epochs
from pipelines.plan.job_file import rebuild

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def faults(body: Mapping[str, Any]) -> list[str]:
    """What keeps a kept run from being evidence; none where it is whole."""
    return [*_job(body), *_history(body), *_source(body)]


def _job(body: Mapping[str, Any]) -> list[str]:
    try:
        digest = rebuild(body["job"]).digest
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"expected a job of today's code, found another ({error})"]
    if digest == body["digest"]:
        return []
    return [f"expected the job {body['digest']}, today's code makes {digest} of it"]


def _history(body: Mapping[str, Any]) -> list[str]:
    """Of trainings; other kinds have none to look at."""
    job = body["job"]
    if job["kind"] != "train" or not job["recipe"]["epochs"] or body.get("diverged"):
        return []
    wanted = [float(epoch + 1) for epoch in range(job["recipe"]["epochs"])]
    if [row["epoch"] for row in body["history"]] != wanted:
        return [f"expected {len(wanted)} epochs in order, found {len(body['history'])} rows"]
    picked = select_epochs(job["pick"], body["history"])["top1"]
    if abs(picked - body["metrics"]["top1"]) < 1e-9:
        return []
    return [f"its history gives top1 {picked}, it says {body['metrics']['top1']}"]


def _source(body: Mapping[str, Any]) -> list[str]:
    found, git = [], body["provenance"]["git"]
    if git["dirty"] or not git["commit"]:
        found.append("expected committed sources, found changes")
    source = body["provenance"].get("source")
    if source is None:
        return [*found, "it names no modules: known by its commit alone"]
    if closure_digest(source["modules"]) != source["digest"]:
        found.append("the digest of its source is not that of its modules")
    if source["changed_during_run"]:
        found.append(f"changed during its run: {', '.join(source['changed_during_run'])}")
    return found


@app.command()
def main(folder: Path = FOLDER) -> None:
    """Checks every kept run; ends with an error where one has a fault."""
    wrong = 0
    for path in sorted(folder.glob("*/*.json")):
        said = faults(load(path, path.stem))
        wrong += bool(said)
        print(f"{path}: {'; '.join(said) or 'whole'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    run_app(app)
