"""The axes of a table: rows and columns, each an entry that sets fields of its cells' jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mixlib.catalog.methods import METHODS
from mixlib.core.catalog import nearest
from mixlib.models.backbones import BACKBONES
from pipelines.declare.errors import DeclarationError, require
from pipelines.declare.schema import ENTRY, MOST_CELLS, NAME, NETWORK
from pipelines.declare.values import Anything, Many, check_fields, shown


@dataclass(frozen=True)
class Entry:
    """One row or column: its label, the fields it sets, and a metric if it names one; for a column
    also its unit if it is not the table's, how many decimals it prints, which way is good, and
    whether any is (``ranked``)."""

    label: str
    sets: Mapping[str, Any]
    metric: str | None = None
    unit: str | None = None
    decimals: int = 1
    higher_is_better: bool | None = None
    ranked: bool = True


def read_axis(where: str, spec: Any, shared: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Entries of an axis: {field: [values]}, or a list of {label, set, metric}.

    Raises:
        DeclarationError: it is neither, it is empty, or two entries have one label.
    """
    entries: list[Entry] = []
    if isinstance(spec, Mapping):
        if len(spec) != 1:
            raise DeclarationError(
                f"{where}: expected one field with its values, found {shown(list(spec))}"
            )
        name, values = next(iter(spec.items()))
        Many(Anything(), 1, MOST_CELLS).check(f"{where}: {name}", values)
        entries += (Entry(_label(where, name, v), {name: v}, **shared) for v in values)
    elif isinstance(spec, list) and 0 < len(spec) <= MOST_CELLS:
        for i, item in enumerate(spec):
            check_fields(f"{where}[{i}]", item, ENTRY, "key")
            require(f"{where}[{i}]", item, ("label", "set"))
            options = {key: value for key, value in item.items() if key not in ("label", "set")}
            entries.append(Entry(item["label"], item["set"], **{**shared, **options}))
    else:
        raise DeclarationError(
            f"{where}: expected {{field: [values]}} or a list of 1 to {MOST_CELLS:,} entries, "
            f"found {shown(spec)}"
        )
    for label, count in Counter(entry.label for entry in entries).items():
        if count > 1:
            raise DeclarationError(
                f"{where}: expected labels that differ, found {label!r} {count} times"
            )
    return tuple(entries)


def _label(where: str, name: str, value: Any) -> str:
    """The catalog's title of a method or network; other values print as themselves."""
    catalogs: Mapping[str, Mapping[str, Any]] = {"method": METHODS, "backbone": BACKBONES}
    catalog = catalogs.get(name)
    if catalog is None:
        return str(value)
    (NETWORK if name == "backbone" else NAME).check(f"{where}: {name}", value)
    if value not in catalog:
        raise DeclarationError(f"{where}: {nearest(name, str(value), catalog)}")
    return catalog[value].title
