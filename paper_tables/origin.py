"""Origin of a table's numbers: datasets, commits with their dates, and versions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pipelines.plan.job import Job

SHOWN = 3  # commits of a table whose jobs were run from many


def data_titles(jobs: Iterable[Job]) -> tuple[str, ...]:
    """Titles of every dataset behind these jobs, parents first."""
    from mixlib.data.catalog import DATASETS

    names = (data.name for job in jobs for each in job.closure() for data in each.datasets)
    return tuple(dict.fromkeys(DATASETS[name].title for name in names))


def describe_origin(results: Sequence[Mapping[str, Any]]) -> str:
    """The commits that the results were measured from, with their dates, and torch's version.

    The date is the commit's, so that rendering the same results again gives the same bytes.

    Args:
        results: as :class:`pipelines.execute.store.Store` reads them; none give "".

    Example:
        >>> made = {"versions": {"torch": "2.13.0"}, "git": {"commit": None, "dirty": False}}
        >>> describe_origin([{"provenance": made}])
        'Measured from sources that are in no commit, with torch 2.13.0.'
    """
    if not results:
        return ""
    made = [result["provenance"] for result in results]
    commits = sorted({m["git"]["commit"] for m in made if m["git"]["commit"]})
    dirty = any(m["git"]["dirty"] for m in made)
    torch = sorted({m["versions"]["torch"] for m in made if m["versions"].get("torch")})
    names = [_dated(commit) for commit in commits[:SHOWN]]
    if len(commits) > SHOWN:
        names.append(f"{len(commits) - SHOWN} more")
    word = "commit" if len(commits) == 1 else "commits"
    where = f"{word} {', '.join(names)}" if commits else "sources that are in no commit"
    changed = " with uncommitted changes" if dirty and commits else ""
    return f"Measured from {where}{changed}, with torch {', '.join(torch) or 'of unknown version'}."


def _dated(commit: str) -> str:
    date = commit_date(commit)
    return f"{commit[:7]} ({date})" if date else commit[:7]


@cache
def commit_date(commit: str) -> str:
    """The day of a commit (ISO 8601), or "" where this repository does not have it."""
    try:
        done = subprocess.run(
            ["git", "show", "--no-patch", "--format=%cs", commit],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
