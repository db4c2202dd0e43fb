"""The rehearsal's table: a line a job, sums by kind, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mixlib.core.markdown import table
from pipelines.rehearsal.attempt import Row

COLUMNS = ("kind", "network", "layout", "recipe", "method", "pipeline")
SUMS = ("kind", "jobs", "passed", "resumed", "s", "core s", "longest s", "most GiB")
GIB = 2**30


def mark(value: bool | None) -> str:
    """A truth value in a table."""
    return "" if value is None else "yes" if value else "NO"


def line(row: Row) -> list[str]:
    """The cells of one job."""
    done = [mark(v) for v in (row.started, row.trained, row.evaluated, row.resumed)]
    return [
        *row.combination,
        *done,
        f"{row.seconds:.0f}",
        f"{row.work:.0f}",
        f"{row.peak / GIB:.1f}",
    ]


def whole(rows: Sequence[Row], notes: Iterable[str] = ()) -> str:
    """The page: the sums, the failures, every job."""
    head = (*COLUMNS, "started", "trained", "evaluated", "resumed", "s", "core s", "GiB")
    parts = [
        "# Rehearsal",
        summary(rows),
        *(f"- {note}" for note in notes),
        "\n".join(table(SUMS, by_kind(rows), "lrrrrrrr")),
        *failures(rows),
        "\n".join(table(head, [line(row) for row in rows])),
    ]
    return "\n\n".join(parts) + "\n"


def summary(rows: Sequence[Row]) -> str:
    """One line: how many passed, how long they took, how much memory."""
    good = sum(row.passed for row in rows)
    again = [row.resumed for row in rows if row.resumed is not None]
    seconds, work = (sum(getattr(row, name) for row in rows) for name in ("seconds", "work"))
    peak = max((row.peak for row in rows), default=0)
    return (
        f"{good} of {len(rows)} jobs pass; {sum(again)} of {len(again)} that were stopped went on "
        f"to the same numbers; {seconds / 60:.0f} minutes one after another, {work / 60:.0f} of a "
        f"core, at most {peak / GIB:.1f} GiB"
    )


def by_kind(rows: Sequence[Row]) -> list[list[str]]:
    """Sums of every kind."""
    found = []
    for kind in dict.fromkeys(row.combination[0] for row in rows):
        own = [row for row in rows if row.combination[0] == kind]
        again = [row.resumed for row in own if row.resumed is not None]
        found.append(
            [
                kind,
                str(len(own)),
                str(sum(row.passed for row in own)),
                f"{sum(again)} of {len(again)}" if again else "",
                f"{sum(row.seconds for row in own):.0f}",
                f"{sum(row.work for row in own):.0f}",
                f"{max(row.seconds for row in own):.0f}",
                f"{max(row.peak for row in own) / GIB:.1f}",
            ]
        )
    return found


def failures(rows: Iterable[Row]) -> list[str]:
    """A paragraph for every job that failed."""
    return [
        f"FAILED {row.digest} {row.text}\n" + "\n".join(f"    {text}" for text in row.failure)
        for row in rows
        if not row.passed
    ]
