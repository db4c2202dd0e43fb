"""Progress lines of a running job on standard error."""

from __future__ import annotations

import sys
import time


class Progress:
    """Prints where a job stands: a line every few seconds, so that parallel jobs stay readable in
    one log.

    Args:
        label: what is running, at the start of every line.
        every: least seconds between two lines.

    Example:
        >>> report = Progress("train 1a2b3c", every=5.0)
        >>> report("train", 10, 600, {"epoch": 1.0})
    """

    def __init__(self, label: str, every: float = 5.0) -> None:
        self.label, self.every = label, every
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, phase: str, done: int, total: int, values: dict[str, float]) -> None:
        """Reports ``done`` of ``total`` steps and some values."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < self.every and done < total:
            return
        self._last = now
        speed = (done - self._first) / max(now - self._began, 1e-9)
        left = f"{(total - done) / speed:.0f} s left" if speed > 0 and done < total else "done"
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(
            f"[{self.label}] {phase} {done}/{total}  {shown}  {left}", file=sys.stderr, flush=True
        )
