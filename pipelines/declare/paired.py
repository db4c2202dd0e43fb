"""Paired comparisons: which rows of a table are compared with which, run by run of the same seed.

paired: {with: [Vanilla], margin: 1.0}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.declare.errors import check_keys

LEVEL = 0.05
"""Of the tests of a column together, where a declaration says no other."""


@dataclass(frozen=True)
class Paired:
    """What a table compares.

    Attributes:
        references: rows that all other rows are compared with.
        margin: a difference below this is none that matters, in the unit of the column; None: not
            declared, so nothing is called equal.
        level: probability that one of a column's comparisons or more is said wrongly.

    Example:
        >>> Paired(("Vanilla", "AutoMix")).pairs(["Vanilla", "Mixup", "AutoMix"])
        [('Mixup', 'Vanilla'), ('AutoMix', 'Vanilla'), ('Mixup', 'AutoMix')]
    """

    references: tuple[str, ...]
    margin: float | None = None
    level: float = LEVEL

    def pairs(self, rows: Sequence[str]) -> list[tuple[str, str]]:
        """(row, reference) of every comparison among these rows, each two rows once."""
        found: list[tuple[str, str]] = []
        for reference in self.references:
            if reference in rows:
                found += [
                    (row, reference)
                    for row in rows
                    if row != reference and (reference, row) not in found
                ]
        return found


def read_paired(where: str, spec: Mapping[str, Any] | None, rows: Sequence[str]) -> Paired | None:
    """The declared comparisons of a table; None where there are none.

    Args:
        where: file and table, for messages.
        spec: ``{with, margin, level}``, checked.
        rows: labels of the table's rows.

    Raises:
        DeclarationError: a reference is no row.
    """
    if spec is None:
        return None
    check_keys(f"{where}: paired: with", dict.fromkeys(spec["with"]), rows, "row")
    return Paired(tuple(spec["with"]), spec.get("margin"), spec.get("level", LEVEL))
