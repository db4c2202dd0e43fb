"""One rehearsed job: started, trained, measured; of the sample, stopped and resumed, too."""

from __future__ import annotations

import json
import math
import shutil
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mixlib.whole_files import write_whole
from pipelines.execute.same_numbers import numbers
from pipelines.execute.store import Store
from pipelines.plan.job import Job
from pipelines.plan.kinds import TrainJob
from pipelines.rehearsal.combinations import combination
from pipelines.rehearsal.processes import AGAIN, ENDED, Told, run, run_forked
from pipelines.rehearsal.weights import published

LAST = 4
"""Lines of a failed job's output that are kept."""
TRAINS = ("train", "detect", "segment")
"""Kinds with steps of their own."""


@dataclass(frozen=True)
class Row:
    """What became of one job.

    Attributes:
        digest, text: of the job.
        combination: see :func:`pipelines.rehearsal.combinations.combination`.
        started: its process has read the job.
        trained: all steps were done; None: the kind has none.
        evaluated: every number of the result is finite.
        resumed: stopped by a signal it ended as it must, and went on to the same numbers; None:
            not of the sample.
        seconds, work, peak: of the plain run; seconds of a core; bytes.
        code: digest of the source that ran.
        failure: how it failed, and the last lines of its output.
    """

    digest: str
    text: str
    combination: tuple[str, ...]
    started: bool = False
    trained: bool | None = None
    evaluated: bool = False
    resumed: bool | None = None
    seconds: float = 0.0
    work: float = 0.0
    peak: int = 0
    code: str = ""
    failure: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether everything that was tried went well."""
        return self.evaluated and not self.failure


def attempt(job: Job, folder: Path, code: str, told: Told, sampled: bool) -> Row:
    """Does a job, and once more by its start command with a stop in between where it is of the
    sample; keeps its row."""
    store = Store(folder)
    forget(job, store)
    row: dict[str, Any] = {
        "digest": job.digest,
        "text": job.describe(),
        "combination": combination(job),
        "code": code,
    }
    # timm's hub has read its environment when it was loaded, torchvision's reads it when asked
    weights = published(job)
    work = run if weights is not None and weights.name == "timm" else run_forked
    ended = work(job, store, told)
    log = store.log(job).read_text() if store.log(job).is_file() else ""
    row |= {"seconds": ended.seconds, "work": ended.work, "peak": ended.peak}
    row["started"] = job.describe() in log
    # a training of no epochs is published weights as they are
    if job.kind in TRAINS and not (isinstance(job, TrainJob) and not job.recipe.epochs):
        row["trained"] = trained(log)
    failure: list[str] = []
    if ended.code:
        failure = [f"exit code {ended.code}", *ended.output.strip().splitlines()[-LAST:]]
    elif reason := store.read(job).get("diverged"):
        failure = [f"diverged: {reason}"]
    else:
        if row.get("trained") is False:
            failure = ["expected the last of its steps in the log, found none"]
        row["evaluated"] = all(math.isfinite(v) for v in store.read(job)["metrics"].values())
        if sampled and not failure:
            failure = stopped(job, store, folder / "stopped", told)
            row["resumed"] = not failure
    found = Row(**row, failure=tuple(failure))
    write_whole(row_file(folder, job), json.dumps(asdict(found), indent=1), durable=False)
    return found


def trained(log: str) -> bool:
    """Whether a log says that the last of a training's steps was done."""
    steps = [line.split(" train ")[1].split()[0] for line in log.splitlines() if " train " in line]
    done = [step.split("/") for step in steps if "/" in step]
    return any(part[0] == part[-1] for part in done)


def stopped(job: Job, store: Store, folder: Path, told: Told) -> list[str]:
    """What is wrong with a run that a signal stops and that is started again; nothing: it ends with
    the code that a scheduler requeues, goes on from its checkpoint, and measures what the plain run
    did."""
    again = Store(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for parent in job.parents():
        link = again.folder(parent)
        if not link.exists():
            link.symlink_to(store.folder(parent).resolve())
    forget(job, again)
    # SIGUSR1 is a scheduler's other word for the same
    word = signal.SIGUSR1 if job.checkpoints and int(job.digest, 16) % 2 else signal.SIGTERM
    first = run(job, again, told, stop=word)
    wanted = AGAIN if job.checkpoints else ENDED
    if first.code != wanted:
        tail = first.output.strip().splitlines()[-LAST:]
        return [f"{word.name}: expected exit code {wanted}, found {first.code}", *tail]
    kept = folder / f"{job.digest}.partial" / "checkpoint.pt"
    if job.checkpoints and not (kept.exists() or any(kept.parent.glob("*.pt"))):
        return [f"{word.name}: expected a checkpoint in {kept.parent}, found none"]
    second = run(job, again, told)
    if second.code:
        tail = second.output.strip().splitlines()[-LAST:]
        return [f"started again after {word.name}: exit code {second.code}", *tail]
    plain, resumed = numbers(store.read(job)), numbers(again.read(job))
    shutil.rmtree(again.folder(job), ignore_errors=True)
    if plain != resumed:
        return [f"resumed after {word.name}: expected the numbers {plain}, found {resumed}"]
    return []


def forget(job: Job, store: Store) -> None:
    """Removes what earlier attempts have left."""
    for left in (store.folder(job), store.root / f"{job.digest}.partial"):
        shutil.rmtree(left, ignore_errors=True)
    store.log(job).unlink(missing_ok=True)


def row_file(folder: Path, job: Job) -> Path:
    """Where a job's row is kept."""
    return folder / "rows" / f"{job.digest}.json"


def read_row(folder: Path, job: Job) -> Row | None:
    """The kept row of a job; None where there is none that can be read."""
    try:
        body: dict[str, Any] = json.loads(row_file(folder, job).read_text())
        for name in ("combination", "failure"):
            body[name] = tuple(body[name])
        return Row(**body)
    except (OSError, ValueError, TypeError, KeyError):
        return None
