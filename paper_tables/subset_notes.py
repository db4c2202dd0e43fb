"""On how many of the test images a column was measured, where that is not all of them."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.plan.job import Job
from pipelines.plan.kinds.robustness import RobustnessJob


def subset_notes(jobs: Iterable[Job]) -> list[str]:
    """A line about corrupted and attacked images that are only the first of the test set.

    Args:
        jobs: those whose numbers a table shows.
    """
    found = dict.fromkeys(_subsets(job) for job in jobs if isinstance(job, RobustnessJob))
    return [
        f"Clean accuracy is over all test images; {', '.join(subsets)}. So a number of one kind "
        "may lie above or below another's because of the images."
        for subsets in found
        if subsets
    ]


def _subsets(job: RobustnessJob) -> tuple[str, ...]:
    """What was measured on a part of the test images."""
    found = []
    # a published set of corrupted images is read whole
    if job.settings.corrupted is not None and job.published is None:
        found.append(f"corruptions are over the first {job.settings.corrupted} of them")
    if job.settings.attacked is not None:
        found.append(f"attacks are over the first {job.settings.attacked}")
    return tuple(found)
