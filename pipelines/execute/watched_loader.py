"""A loader that says when training waits for it most of the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from mixlib.training.fit import Batch, Loader

LIMIT = 0.8
"""Share of an epoch spent waiting for images from which the loader is the limit.  A GPU does its
steps while the next images are waited for, so a share of a half may be no loss at all."""
LEAST = 5.0
"""Seconds that an epoch takes at least before anything is said."""


class WatchedLoader:
    """Passes a loader's batches on and measures how long they are waited for.

    Args:
        loader: of training batches.
        say: called with a sentence at the end of an epoch of which most was waiting.
        workers: data loading processes of the loader, for the sentence.
        clock: seconds.

    Example:
        >>> class Slow:
        ...     def __len__(self):
        ...         return 1
        ...     def epoch(self, e, start_step=0):
        ...         now[0] += 9.0
        ...         yield None
        >>> now = [0.0]
        >>> list(WatchedLoader(Slow(), print, 7, clock=lambda: now[0]).epoch(0))
        the loader is the limit: 9 of the epoch's 9 s were spent waiting for images \
(7 data loading processes); give the job more cores
        [None]
    """

    def __init__(
        self,
        loader: Loader,
        say: Callable[[str], None],
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.loader, self.say, self.workers, self.clock = loader, say, workers, clock

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, e: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, as the loader has them."""
        batches, began, waited = self.loader.epoch(e, start_step), self.clock(), 0.0
        try:
            while True:
                before = self.clock()
                try:
                    batch = next(batches)
                except StopIteration:
                    return
                waited += self.clock() - before
                yield batch
        finally:
            whole = self.clock() - began
            if whole >= LEAST and waited > LIMIT * whole:
                self.say(
                    f"the loader is the limit: {waited:.0f} of the epoch's {whole:.0f} s were "
                    f"spent waiting for images ({self.workers} data loading processes); give the "
                    "job more cores"
                )
