"""The inputs of a job: a dataset and a catalog row, as their digests see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Data:
    """A dataset as a job sees it.

    Attributes:
        name: its row in ``mixlib.data.catalog``.
        fingerprint: identity of its content (``pipelines.data.datasets.fingerprint``).
        spec: (key, value) pairs of a generated set's specification; empty for real sets.
        train_cap, test_cap: most images used of each split; None is all.
        held_out: so many of the training images are not trained on, and tested on in the place of
            the test images: for choosing settings.

    Example:
        >>> Data("cifar10", "cifar10-0123456789abcdef", train_cap=1000).test_cap is None
        True
    """

    name: str
    fingerprint: str
    spec: tuple[tuple[str, Any], ...] = ()
    train_cap: int | None = None
    test_cap: int | None = None
    held_out: int | None = field(default=None, metadata={"later": True})


@dataclass(frozen=True)
class Row:
    """A catalog row as a job sees it: its name, its revision and its resolved parameters; of a
    method or network of the user's own, which has no revision, the hash of its source file.

    Example:
        >>> Row("cutmix", 1, (("alpha", 0.2),)).name
        'cutmix'
    """

    name: str
    revision: int
    params: tuple[tuple[str, Any], ...] = ()
    source: str = field(default="", metadata={"later": True})
