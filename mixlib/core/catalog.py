"""Catalogs: named rows, and the error that names the row that was probably meant.

Imports no torch: planning a table looks names up without loading it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


def nearest(what: str, given: str, known: Iterable[str]) -> str:
    """One line: what was asked for, the nearest known name, and all there are.

    >>> nearest("method", "cutmx", ["cutmix", "mixup"])
    "no method 'cutmx'; did you mean 'cutmix'? (known: cutmix, mixup)"
    """
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    guess = f" did you mean {close[0]!r}?" if close else ""
    return f"no {what} {given!r};{guess} (known: {', '.join(names)})"


class Catalog(Mapping[str, Row], Generic[Row]):
    """Rows by name, in the order given; :meth:`register` adds one of somebody else's.

    Args:
        what: what a row is, for messages ("method", "backbone").
        rows: each with a ``name``.

    Raises:
        ValueError: two rows of one name.

    Example:
        >>> from types import SimpleNamespace
        >>> fruit = Catalog("fruit", [SimpleNamespace(name="apple")])
        >>> fruit["aple"]
        Traceback (most recent call last):
        ...
        KeyError: "no fruit 'aple'; did you mean 'apple'? (known: apple)"
    """

    def __init__(self, what: str, rows: Iterable[Row]) -> None:
        self.what = what
        self._rows: dict[str, Row] = {}
        for row in rows:
            name: Any = row.name  # type: ignore[attr-defined]
            if name in self._rows:
                raise ValueError(f"two rows of the {what} catalog are called {name!r}")
            self._rows[name] = row

    def register(self, row: Row) -> None:
        """Adds a row that comes from outside the library; the same one twice is one.

        Raises:
            ValueError: another row has its name.
        """
        name: Any = row.name  # type: ignore[attr-defined]
        if self._rows.setdefault(name, row) != row:
            raise ValueError(
                f"expected a new {self.what}, found that {name!r} is already the name of another: "
                "give yours another name"
            )

    def __getitem__(self, name: str) -> Row:
        if name not in self._rows:
            raise KeyError(nearest(self.what, str(name), self._rows))
        return self._rows[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
