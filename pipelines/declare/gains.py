"""Gains: rows and columns that a table computes from its own cells.

The papers print by how much their method exceeds the best of the others, or one column another.
Such a number is computed by the renderer, never measured by a job; the paper's stands beside it as
a reference number of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.declare.errors import DeclarationError, check_keys, require
from pipelines.declare.schema import GAIN, PRINTED
from pipelines.declare.values import Entries, Many, Maybe, check_fields

BEST = "best"
"""The word for the best of all other rows (or columns)."""


@dataclass(frozen=True)
class Gain:
    """One row or column of differences between the table's own cells.

    Attributes:
        label: as the paper has it ("Gain").
        axis: "row" or "column": which of the two it is.
        of: the row (or column) whose cells exceed.
        over: the row (or column) that they exceed, or :data:`BEST` for the best of the others.
        pairs: for a column that compares rows: row -> the row that it exceeds in column ``of``.
        relative: in percent of what is exceeded, instead of the cells' own unit.
        decimals: that it prints; None: its cells'.
        reference: the paper's numbers by label along the other axis.

    Example:
        >>> Gain("Gain", "row", "AutoMix", BEST, reference={"R-18": 0.19}).places("R-18")
        ('AutoMix', 'R-18')
    """

    label: str
    axis: str
    of: str
    over: str = BEST
    pairs: Mapping[str, str] = field(default_factory=dict)
    relative: bool = False
    decimals: int | None = None
    reference: Mapping[str, float] = field(default_factory=dict)

    def places(self, other: str) -> tuple[str, str]:
        """The cell (row, column) that exceeds, at a label of the other axis."""
        return (self.of, other) if self.axis == "row" else (other, self.of)

    def among(self, rows: Sequence[str], columns: Sequence[str]) -> bool:
        """Whether a part of the table still holds what this compares."""
        own = rows if self.axis == "row" else columns
        named = {self.of} if self.over == BEST or self.pairs else {self.of, self.over}
        kept = not self.pairs or any({one, two} <= {*rows} for one, two in self.pairs.items())
        return named <= {*own} and kept and (len(own) > 1 or bool(self.pairs))


def read_gains(
    where: str, spec: Sequence[Any], rows: Sequence[str], columns: Sequence[str]
) -> tuple[Gain, ...]:
    """The declared gains of a table.

    Args:
        where: file and table, for messages.
        spec: ``{label, row, over}``, ``{label, column, over}`` or ``{label, column, over_rows}``
            with the paper's numbers (``reference``: one per column of a row, or {row: number}).
        rows, columns: labels of the table.

    Raises:
        DeclarationError: an unknown key or label, or numbers that do not fit.
    """
    return tuple(_read(f"{where}: gains[{i}]", item, rows, columns) for i, item in enumerate(spec))


def _read(where: str, item: Any, rows: Sequence[str], columns: Sequence[str]) -> Gain:
    check_fields(where, item, GAIN, "key")
    require(where, item, ("label",))
    if ("row" in item) == ("column" in item) or ("over" in item) == ("over_rows" in item):
        raise DeclarationError(
            f"{where}: expected one of row and column, and one of over and over_rows, found "
            f"{sorted(item)}"
        )
    axis = "row" if "row" in item else "column"
    own, other = (rows, columns) if axis == "row" else (columns, rows)
    pairs = dict(item.get("over_rows", {}))
    if pairs and axis == "row":
        raise DeclarationError(f"{where}: over_rows compares rows: name a column, not a row")
    over = item.get("over", BEST)
    named = [item[axis], *([] if over == BEST else [over])]
    check_keys(where, dict.fromkeys(named), own, axis)
    check_keys(f"{where}: over_rows", dict.fromkeys([*pairs, *pairs.values()]), rows, "row")
    return Gain(
        label=item["label"],
        axis=axis,
        of=item[axis],
        over=over,
        pairs=pairs,
        relative=item.get("relative", False),
        decimals=item.get("decimals"),
        reference=_numbers(where, item.get("reference", {}), other),
    )


def _numbers(where: str, spec: Any, labels: Sequence[str]) -> dict[str, float]:
    """The paper's numbers by label: {label: number}, or a list of one number or null per label."""
    kind = Many(Maybe(PRINTED)) if isinstance(spec, list) else Entries(PRINTED)
    kind.check(f"{where}: reference", spec)
    if isinstance(spec, list):
        if len(spec) != len(labels):
            raise DeclarationError(
                f"{where}: reference: expected {len(labels)} numbers, found {len(spec)}"
            )
        spec = dict(zip(labels, spec, strict=True))
    check_keys(f"{where}: reference", spec, labels, "label")
    return {label: float(value) for label, value in spec.items() if value is not None}
