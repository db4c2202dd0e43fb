"""Golden fixtures that notice which of their keys no test compares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest


class Recorded(Mapping[str, np.ndarray]):
    """A golden fixture that remembers what was read."""

    def __init__(self, data: Mapping[str, np.ndarray]) -> None:
        self.data, self.read = data, set[str]()

    def __getitem__(self, key: str) -> np.ndarray:
        self.read.add(key)
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def unread(self, prefix: str = "") -> list[str]:
        """Keys with this prefix that nothing has read."""
        return sorted(key for key in self if key.startswith(prefix) and key not in self.read)


@pytest.fixture
def recorded(golden) -> Callable[[str], Recorded]:
    """Loads a golden fixture: ``recorded("theory/taylor_terms").unread()`` lists what a test has
    not compared."""
    return lambda name: Recorded(golden(name))
