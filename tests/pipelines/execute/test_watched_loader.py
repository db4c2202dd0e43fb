"""Training says when it waits for images most of the time, and only then."""

from __future__ import annotations

import pytest

from pipelines.execute.watched_loader import WatchedLoader


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Loader:
    """Three batches an epoch, each after so many seconds."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds = clock, seconds

    def __len__(self):
        return 3

    def epoch(self, e, start_step=0):
        for step in range(start_step, 3):
            self.clock.now += self.seconds
            yield e, step


def said(wait, step, stop_after=3):
    """What is said of an epoch with so many seconds a wait and a step."""
    clock, lines = Clock(), []
    watched = WatchedLoader(Loader(clock, wait), lines.append, 4, clock)
    batches = watched.epoch(2, 0)
    for _ in range(stop_after):  # as the loop does, which asks for no batch too many
        assert next(batches)[0] == 2
        clock.now += step
    batches.close()
    return lines


def test_a_loader_that_is_the_limit_is_named_with_its_seconds():
    (line,) = said(wait=9.0, step=1.0)
    assert "27 of the epoch's 30 s" in line
    assert "4 data loading processes" in line


@pytest.mark.parametrize(("wait", "step"), [(1.0, 9.0), (5.0, 5.0), (0.9, 0.1)])
def test_nothing_is_said_of_a_loader_that_keeps_up_or_of_a_short_epoch(wait, step):
    assert said(wait, step) == []


def test_batches_and_their_number_are_the_loader_s():
    clock = Clock()
    watched = WatchedLoader(Loader(clock, 0.0), print, 0, clock)
    assert len(watched) == 3
    assert list(watched.epoch(5, 1)) == [(5, 1), (5, 2)]
