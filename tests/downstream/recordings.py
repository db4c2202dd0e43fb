"""A reader of recorded references that counts which keys were read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "golden" / "evaluation"


class Recording(Mapping[str, np.ndarray]):
    """The arrays of a file by key; remembers every key that was asked for."""

    def __init__(self, path: Path) -> None:
        self._arrays = dict(np.load(path, allow_pickle=False))
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> np.ndarray:
        value = self._arrays[key]
        self.read.add(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


@contextmanager
def read_whole(path: Path) -> Iterator[Recording]:
    """A recording of which every key has to be read before the block ends."""
    recording = Recording(path)
    yield recording
    unread = sorted(set(recording) - recording.read)
    assert not unread, f"{path.name}: recorded but not compared: {', '.join(unread)}"
