"""Command that repeats a kept run: ``python -m paper_tables.repeat_kept_run DIGEST``.

The kept job is done again by today's code, with its parents, in a folder of results of its own;
then the command says *equal*, *within spread* or *different*.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from scipy.special import stdtrit

from mixlib.data.catalog import DATASETS
from paper_tables.measured_runs import FOLDER
from pipelines.command_line import Accelerator, OwnTables, Workers, run_app
from pipelines.data import datasets
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.declare.errors import DeclarationError
from pipelines.declare.study import admit_folder
from pipelines.execute.load_and_perform import load_and_perform
from pipelines.execute.result_file import load
from pipelines.execute.same_numbers import numbers
from pipelines.execute.store import Store
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.job_file import rebuild
from pipelines.portable_bits import pin

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
EQUAL, WITHIN, DIFFERENT = "equal", "within spread", "different"
LEVEL = 0.95
"""Share of further runs that lie within the spread."""


def find(digest: str, folder: Path = FOLDER) -> Path:
    """The file of the kept run whose digest begins so.

    Raises:
        DeclarationError: none or several do.
    """
    paths = sorted(folder.glob(f"*/{digest}*.json"))
    if len({path.stem for path in paths}) == 1:
        return paths[0]
    found = ", ".join(path.stem for path in paths) or "none"
    raise DeclarationError(f"{folder}: expected one kept run {digest}..., found {found}")


def siblings(path: Path) -> list[dict[str, Any]]:
    """The kept runs of the same table that differ from this one in their seed alone, and itself."""
    mine = _but_seeds(load(path, path.stem)["job"])
    bodies = (load(other, other.stem) for other in sorted(path.parent.glob("*.json")))
    return [body for body in bodies if _but_seeds(body["job"]) == mine]


def _but_seeds(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job's JSON without its seed and those of the jobs it starts from."""
    return {
        key: _but_seeds(value) if isinstance(value, dict) and "kind" in value else value
        for key, value in job.items()
        if key != "seed"
    }


def compare(
    kept: Mapping[str, Any], again: Mapping[str, Any], runs: Iterable[float], metric: str
) -> tuple[str, str]:
    """Whether a repeated run is the kept one: a word, and why.

    Args:
        kept, again: the two results.
        runs: the metric of all kept runs that differ in their seed alone, the kept one included.
        metric: which number is held against the spread.

    Returns:
        ``equal`` where all metrics and all epochs are the same numbers but for times;
        ``within spread`` where the metric lies in the 95 % prediction interval of one further run
        (normal runs, Student's t); ``different`` otherwise, and where fewer than two runs are kept.

    Example:
        >>> kept = {"metrics": {"top1": 60.0}, "history": []}
        >>> again = {"metrics": {"top1": 60.9}, "history": []}
        >>> compare(kept, kept, [60.0], "top1")[0], compare(kept, again, [60.0], "top1")[0]
        ('equal', 'different')
        >>> compare(kept, again, [60.0, 61.5, 59.2], "top1")[0]
        'within spread'
    """
    if _untimed(kept) == _untimed(again):
        return EQUAL, "every metric and every epoch is the same number"
    was, now, values = kept["metrics"][metric], again["metrics"][metric], list(runs)
    said = f"{metric} {now:.6g}, kept {was:.6g}"
    if len(values) < 2:
        return DIFFERENT, f"{said}; one seed is kept, so the spread between runs is not known"
    n, mean = len(values), statistics.fmean(values)
    quantile = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    room = quantile * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    word = WITHIN if abs(now - mean) <= room else DIFFERENT
    return word, f"{said}; one more run lies in {mean - room:.6g} to {mean + room:.6g} (n = {n})"


def _untimed(body: Mapping[str, Any]) -> str:
    """Metrics and epochs as text, so that what is not a number equals itself."""
    return json.dumps(numbers(body), sort_keys=True)


def _job(path: Path, kept: Mapping[str, Any]) -> Job:
    """The kept job, if it is one that today's code does."""
    try:
        return rebuild(kept["job"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeclarationError(
            f"{path}: expected a job that today's code does, found another ({error}); the commit "
            f"that did it is {kept['provenance']['git']['commit']}"
        ) from None


def repeat(
    job: Job, store: Store, *, portable: bool = False, workers: int = 0, accelerator: str = "auto"
) -> dict[str, Any]:
    """The result of a job and of those it starts from, done here.

    Raises:
        DeclarationError: a dataset on this machine is not the one that the kept run has read.
    """
    if portable:
        pin()  # before a dataset is prepared, which loads torch
    for each in job.closure():
        for data in each.datasets:
            _provide(data)
        load_and_perform(
            each,
            store,
            portable=portable,
            checkpoint_seconds=30.0,
            workers=workers,
            accelerator=accelerator,
        )
    return store.read(job)


def _provide(data: Data) -> None:
    row = DATASETS[data.name]
    spec = specify(row, dict(data.spec))
    here = fingerprint(row, spec)
    if here != data.fingerprint:
        raise DeclarationError(
            f"{data.name}: expected the images of the kept run, {data.fingerprint}, found {here}: "
            f"{row.how}"
        )
    datasets.provide(row, spec)


@app.command()
def main(
    digest: Annotated[str, typer.Argument(help="of a kept run, or how it begins")],
    folder: Annotated[Path, typer.Option(help="folder of the kept runs")] = FOLDER,
    own: OwnTables = None,
    results: Annotated[
        Path, typer.Option(help="where the repeated run goes; one that is there counts")
    ] = Path("results/repeated"),
    workers: Workers = 0,
    accelerator: Accelerator = "auto",
) -> None:
    """Does a kept run again and says equal, within spread or different (then it ends with 1)."""
    if own is not None:  # the datasets and methods of a study
        admit_folder(own)
    path = find(digest, folder)
    kept = load(path, path.stem)
    job = _job(path, kept)
    portable = bool(kept["provenance"]["host"].get("portable_bits", False))
    again = repeat(job, Store(results), portable=portable, workers=workers, accelerator=accelerator)
    metric = job.metrics[0]
    runs = [body["metrics"][metric] for body in siblings(path)]
    word, why = compare(kept, again, runs, metric)
    print(f"{path.stem}: {word}: {why}")
    sys.exit(word == DIFFERENT)


if __name__ == "__main__":
    run_app(app)
