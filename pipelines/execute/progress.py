"""Progress of a running job: lines on standard error and in its own log, a row an epoch in a CSV
file."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

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

    def __call__(self, phase: str, done: int, total: int, values: dict[str, float]) -> None:
        """Reports ``done`` of ``total`` steps and some values."""
        if phase in ("test", "epoch"):
            self._row(values)
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < self.every and done < total:
            return
        self._last = now
        speed = (done - self._first) / max(now - self._began, 1e-9)
        left = f"{(total - done) / speed:.0f} s left" if speed > 0 and done < total else "done"
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.say(f"{phase} {done}/{total}  {shown}  {left}")

    def say(self, text: str) -> None:
        """One line with the label, here and in the log."""
        print(f"[{self.label}] {text}", file=sys.stderr, flush=True)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _row(self, values: dict[str, float]) -> None:
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
