"""What the trainings behind a table were, and which of their epochs its numbers are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipelines.declare.table import Entry, Table
from pipelines.plan.job import Job
from pipelines.plan.kinds.train import TrainJob

WORDS = {
    "median_last_10": "the median over the last ten evaluated epochs, or all where there are fewer",
    "last": "that of the last epoch",
    "best": "that of the best epoch, chosen on the test images",
}


COSTS = frozenset({"parameters", "step_ms", "images_per_second", "hours", "gmacs"})
"""Metrics of a training that no epoch is picked for."""


def epoch_notes(jobs: Iterable[Job], table: Table) -> list[str]:
    """A line for each rule by which trainings report their accuracy, and one about networks that
    are evaluated or trained further; both with the networks and epochs of this scale, whatever a
    label calls them.  A table of costs alone says what was trained.

    Args:
        jobs: those whose numbers the table shows.
        table: it.
    """
    jobs = list(jobs)
    trained = [job for job in jobs if isinstance(job, TrainJob)]
    if trained and all(table.metric(row, col) in COSTS for row, col in _cells(table)):
        return [f"Trained: {_what(trained)}."]
    lines = [
        f"The accuracy of a training ({_what([job for job in trained if job.pick == rule])}) is "
        f"{WORDS[rule]} (pick: {rule})."
        for rule in dict.fromkeys(job.pick for job in trained)
    ]
    others = [job for job in jobs if not isinstance(job, TrainJob)]
    behind = [p for job in others for p in job.closure() if isinstance(p, TrainJob)]
    if behind:
        lines.append(
            "A network that is measured or trained further is that of the last epoch of its "
            f"training ({_what(behind)})."
        )
    return lines


def _cells(table: Table) -> Iterator[tuple[Entry, Entry]]:
    """(row, column) of every cell that the table has."""
    for row in table.rows:
        for column in table.columns:
            if (row.label, column.label) not in table.skip:
                yield row, column


def _what(trainings: Sequence[TrainJob]) -> str:
    """What was trained: "resnet50, 100 epochs", or "resnet10_w16 and vit6_w64, 5 and 10 epochs"."""
    networks = dict.fromkeys(job.backbone.name for job in trainings)
    epochs = sorted({job.recipe.epochs for job in trainings})
    return f"{_list(networks)}, {_list(epochs)} epochs"


def _list(words: Iterable[object]) -> str:
    """ "a", or "a, b and c"."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last
