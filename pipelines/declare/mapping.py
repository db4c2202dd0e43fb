"""Mappings of declarations, whose keys know the file and line that they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Declared(dict[Any, Any]):
    """A mapping of a declaration, which knows where its keys stand.

    Attributes:
        origins: key -> "file:line".

    Example:
        >>> Declared({"lr": 0.1}, {"lr": "demo.yaml:3"}).origins["lr"]
        'demo.yaml:3'
    """

    def __init__(self, values: Mapping[Any, Any], origins: Mapping[Any, str] | None = None) -> None:
        super().__init__(values)
        self.origins = dict(origins or {})


def origins(mapping: Mapping[str, Any]) -> Mapping[str, str]:
    """Where the keys of a mapping stand; empty where that is not known."""
    return mapping.origins if isinstance(mapping, Declared) else {}


def overlaid(*mappings: Mapping[str, Any]) -> Declared:
    """Mappings over each other, the last one on top; every key keeps its place in a file.

    Example:
        >>> overlaid({"lr": 0.1}, {"lr": 0.2, "epochs": 3})
        {'lr': 0.2, 'epochs': 3}
    """
    out = Declared({})
    for mapping in mappings:
        out.update(mapping)
        for key in mapping:
            out.origins.pop(key, None)
        out.origins.update(origins(mapping))
    return out


def without(mapping: Mapping[str, Any], *keys: str) -> Declared:
    """A mapping without some keys."""
    rest = {key: value for key, value in mapping.items() if key not in keys}
    return Declared(rest, {k: place for k, place in origins(mapping).items() if k in rest})


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a cell with what one axis says on top; inside ``changes`` and ``params`` single
    values lie over each other, but parameters go with their method.

    Example:
        >>> fixed = {"method": "cutmix", "params": {"alpha": 1.0}, "changes": {"epochs": 3}}
        >>> over(fixed, {"params": {"site": "stage2"}, "changes": {"lr": 0.1}})["params"]
        {'alpha': 1.0, 'site': 'stage2'}
        >>> over(fixed, {"method": "fmix", "changes": {"lr": 0.1}})
        {'method': 'fmix', 'changes': {'epochs': 3, 'lr': 0.1}}
    """
    other = {"method"} <= below.keys() & above.keys() and above["method"] != below["method"]
    if other:
        below = without(below, "params")
    found = overlaid(below, above)
    for key in ("changes", "params"):
        lower, upper = below.get(key), above.get(key)
        if isinstance(lower, Mapping) and isinstance(upper, Mapping):
            found[key] = merged(lower, upper)
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Declared:
    """As :func:`overlaid`, with mappings that both hold under one key merged in turn.

    Example:
        >>> merged({"lr": 0.1, "augmentation": {"flip": 0.5}}, {"augmentation": {"size": 32}})
        {'lr': 0.1, 'augmentation': {'flip': 0.5, 'size': 32}}
    """
    found = overlaid(below, above)
    for key in below.keys() & above.keys():
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping):
            found[key] = merged(below[key], above[key])
    return found


def place_of(where: str, values: Mapping[str, Any], key: Any) -> str:
    """What leads to a key in a message: its own file and line, then what ``where`` says more.

    Args:
        where: "file: table: cell", or "file:line: table".
        values: the mapping that holds the key.
        key: the key.

    Example:
        >>> place_of("t.yaml: table7", Declared({"rows": 1}, {"rows": "t.yaml:9"}), "rows")
        't.yaml:9: table7'
        >>> place_of("t.yaml: table7", Declared({"lr": 1}, {"lr": "demo.yaml:3"}), "lr")
        'demo.yaml:3: (for t.yaml: table7)'
    """
    origin = origins(values).get(key)
    if origin is None:
        return where
    file = origin.rpartition(":")[0]
    head, _, rest = where.partition(": ")
    if head == file or head.rpartition(":")[0] == file:
        return f"{origin}: {rest}" if rest else origin
    return f"{origin}: (for {where})"
