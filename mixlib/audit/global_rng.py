"""The global generators of Python, NumPy and torch: set for a while, compared, put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from mixlib.seed import derive

NAMES = ("python", "numpy", "torch")


def states() -> dict[str, Any]:
    """The state of each global generator, comparable with ==."""
    return {
        "python": random.getstate(),
        "numpy": _plain(np.random.get_state(legacy=False)),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Generators that were drawn from, or set, in between."""
    return [name for name in NAMES if before[name] != after[name]]


def _plain(state: Any) -> tuple[Any, ...]:
    inner = state["state"]
    return (inner["key"].tobytes(), inner["pos"], state["has_gauss"], state["gauss"])


def start(seed: int) -> None:
    """Sets all three as seeding them would.  Their states are built apart and handed over."""
    number = derive(seed, "audit") % 2**32
    random.setstate(random.Random(number).getstate())
    np.random.set_state(np.random.RandomState(number).get_state(legacy=False))  # noqa: NPY002
    torch.set_rng_state(torch.Generator().manual_seed(number).get_state())


@contextmanager
def started(seed: int) -> Iterator[None]:
    """All three started from one seed inside, and as they were outside."""
    kept = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()  # noqa: NPY002
    try:
        start(seed)
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        torch.set_rng_state(kept[2])
