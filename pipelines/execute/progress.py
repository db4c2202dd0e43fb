"""Progress of a running job: lines on standard error and in its own log, a row an epoch in a CSV
file."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import SupportsFloat

MEASURED = ("epoch", "top1", "top5", "test_loss", "n")
"""Columns of the CSV file, with the terms of the loss behind the first; not every epoch is
evaluated."""


class Progress:
    """Prints where a job stands: a line every few seconds, so that parallel jobs stay readable in
    one log.

    Args:
        label: what is running, at the start of every line.
        every: least seconds between two lines.
        log: file that lines are added to; evaluations go as rows to its neighbor with the suffix
            .csv; None: neither.

    Example:
        >>> report = Progress("train 1a2b3c", every=5.0)
        >>> report("train", 10, 600, {"epoch": 1.0})
    """

    def __init__(self, label: str, every: float = 5.0, log: Path | None = None) -> None:
        self.label, self.every, self.log = label, every, log
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(
        self, phase: str, done: int, total: int, values: Mapping[str, SupportsFloat]
    ) -> None:
        """Reports ``done`` of ``total`` steps and some values; a value on a device is read only
        when a line is due, since reading it waits for the step."""
        if phase in ("test", "epoch"):
            self._row(values)
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < self.every and done < total:
            return
        self._last = now
        shown = [f"{name} {float(value):.4g}" for name, value in values.items()]
        self.say("  ".join([f"{phase} {done}/{total}", *shown, *self._pace(done, total, now)]))

    def _pace(self, done: int, total: int, now: float) -> list[str]:
        """Steps a second since the first report and the time left at that rate; neither is known
        at the first one."""
        assert self._first is not None
        speed = (done - self._first) / max(now - self._began, 1e-9)
        if done >= total:
            return ["done"]
        return [f"{speed:.3g} steps/s", f"{duration((total - done) / speed)} left"] if speed else []

    def say(self, text: str) -> None:
        """One line with the label, here and in the log."""
        print(f"[{self.label}] {text}", file=sys.stderr, flush=True)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _row(self, values: Mapping[str, SupportsFloat]) -> None:
        """Adds an epoch to the CSV file, none twice when a job goes on; evaluations without
        epochs add nothing."""
        if self.log is None or "epoch" not in values:
            return
        path = self.log.with_suffix(".csv")
        rows = list(csv.DictReader(path.open())) if path.exists() else []
        if str(values["epoch"]) in [row["epoch"] for row in rows]:
            return
        terms = [name for name in values if name not in MEASURED]
        columns = list(rows[0]) if rows else [MEASURED[0], *terms, *MEASURED[1:]]
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            if not rows:
                writer.writeheader()
            writer.writerow(values)


def duration(seconds: float) -> str:
    """A time in the largest unit of which there are two.

    Example:
        >>> duration(40), duration(1500), duration(100_000)
        ('40 s', '25 min', '27.8 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
