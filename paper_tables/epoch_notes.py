"""Which epochs the accuracies of a table are of."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.declare.table import Table
from pipelines.plan.job import Job
from pipelines.plan.kinds.train import TrainJob

WORDS = {
    "median_last_10": "the median over the last ten evaluated epochs, or all where there are fewer",
    "last": "that of the last epoch",
    "best": "that of the best epoch, chosen on the test images",
}


def epoch_notes(table: Table, jobs: Iterable[Job]) -> list[str]:
    """A line for each rule by which the trainings of a study report their accuracy; a paper's table
    says so itself."""
    if not table.study:
        return []
    rules = dict.fromkeys(job.pick for job in jobs if isinstance(job, TrainJob))
    return [f"The accuracy of a training is {WORDS[rule]} (pick: {rule})." for rule in rules]
