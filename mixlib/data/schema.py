"""Typed checks of JSON documents: types, ranges, required fields and unique ids, once.

A small schema of our own: pydantic and msgspec would be a further dependency of the light core,
build an object for each of COCO's 860,000 annotations, and convert where a dataset should be
refused ("0" is not the flag 0).  A field is a function that returns the checked value or raises
:class:`Mismatch`; the first record that fails is named with its place in the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mixlib.data.errors import DataError, wrong
from mixlib.data.text_files import read_text

Field = Callable[[Any], Any]
Record = dict[str, Any]
_NUMBERS = (int, float)  # and no bool, which is an int to isinstance
REMEDY = "correct or drop that record"


class Mismatch(Exception):
    """A value that is not what its field takes; the argument says what it takes."""


class _Absent:
    """Stands for a key that a record does not have."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Mismatch("a text")
    return value


def number(least: float = -math.inf) -> Field:
    """A finite number of at least ``least``; neither a text nor a truth value."""

    def check(value: Any) -> float:
        if type(value) not in _NUMBERS or not least <= value < math.inf or value == -math.inf:
            raise Mismatch("a number" + (f" of at least {least:g}" if least > -math.inf else ""))
        return float(value)

    return check


def whole(least: int) -> Field:
    """A whole number of at least ``least``; 40.0 is one, "40" is not."""

    def check(value: Any) -> int:
        if type(value) not in _NUMBERS or not least <= value < math.inf or value != int(value):
            raise Mismatch(f"a whole number of at least {least}")
        return int(value)

    return check


def flag(value: Any) -> bool:
    """0, 1, true or false."""
    if not isinstance(value, int) or value not in (0, 1):
        raise Mismatch("0 or 1")
    return bool(value)


def identifier(value: Any) -> int | str:
    """A whole number or a text that names a record."""
    if type(value) not in (int, str) or value == "":
        raise Mismatch("an id (a whole number or a text)")
    return value


def numbers(names: tuple[str, ...], least: tuple[float, ...]) -> Field:
    """A list of finite numbers, one for each name, each at least its least value."""

    def check(value: Any) -> tuple[float, ...]:
        if type(value) is list and len(value) == len(names):
            for v, low in zip(value, least, strict=True):
                if type(v) not in _NUMBERS or not low <= v < math.inf or v == -math.inf:
                    break
            else:
                return tuple(value)
        lows = ", ".join(f"{n} >= {low:g}" for n, low in zip(names, least, strict=True) if low == 0)
        raise Mismatch(f"[{', '.join(names)}] in numbers" + (f", {lows}" if lows else ""))

    return check


def optional(field: Field, default: Any = None) -> Field:
    """The field, or the default where the key is absent or null."""

    def check(value: Any) -> Any:
        return default if value is ABSENT or value is None else field(value)

    return check


def read_json(path: Path, what: str) -> Record:
    """The object in a JSON file.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is not UTF-8, no JSON, holds NaN or infinity, or holds no object.
    """
    content = read_text(path, what)

    def refuse(constant: str) -> None:
        raise wrong(path, "finite numbers", constant, "write null or drop the record")

    try:
        document = json.loads(content, parse_constant=refuse)
    except json.JSONDecodeError as error:
        start = content[:40].strip()
        found = f"{error.msg} in column {error.colno} (the file begins with {start!r})"
        raise wrong(path, f"{what} in JSON", found, "fetch it again", line=error.lineno) from None
    except RecursionError:
        raise wrong(path, f"{what} in JSON", "nesting without end", "fetch it again") from None
    if not isinstance(document, dict):
        found = type(document).__name__
        raise wrong(path, f"{what}: one object with named lists", f"a {found}", "see its format")
    return document


def records(
    path: Path, document: Mapping[str, Any], key: str, fields: Mapping[str, Field], unique: str = ""
) -> list[Record]:
    """The checked records of one list of a document; further fields are left out.

    Args:
        path: the document's file, for messages.
        document: what :func:`read_json` returned.
        key: name of the list.
        fields: name -> check.
        unique: a field whose values may not come twice, and are of one type.

    Raises:
        DataError: names the first record that is wrong, and the field.

    Example:
        >>> records(Path("a.json"), {"images": [{"id": 4}]}, "images", {"id": identifier}, "id")
        [{'id': 4}]
        >>> records(Path("a.json"), {"images": [{"id": 4.5}]}, "images", {"id": identifier})
        Traceback (most recent call last):
        ...
        mixlib.data.errors.DataError: a.json, images[0]: expected an id (a whole number or a text) \
as "id", found 4.5: correct or drop that record
    """
    items = document.get(key, ABSENT)
    if not isinstance(items, list):
        raise wrong(path, f'a list "{key}"', _shown(items), "see the file's format")
    checked: list[Record] = []
    checks = tuple(fields.items())
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise wrong(path, "an object", _shown(item), REMEDY, part=f"{key}[{place}]")
        try:
            row = {name: check(item.get(name, ABSENT)) for name, check in checks}
        except Mismatch:
            raise _first_mismatch(path, item, fields, f"{key}[{place}]") from None
        checked.append(row)
    if unique:
        _refuse_repeated(path, checked, key, unique)
    return checked


def _first_mismatch(path: Path, item: Record, fields: Mapping[str, Field], part: str) -> DataError:
    for name, check in fields.items():
        value = item.get(name, ABSENT)
        try:
            check(value)
        except Mismatch as error:
            return wrong(path, f'{error} as "{name}"', _shown(value), REMEDY, part=part)
    raise AssertionError("a record fails twice or never")


def _refuse_repeated(path: Path, rows: list[Record], key: str, name: str) -> None:
    first: dict[Any, int] = {}
    for place, row in enumerate(rows):
        value = row[name]
        part = f"{key}[{place}]"
        if type(value) is not type(rows[0][name]):
            kinds = f"{rows[0][name]!r} and {value!r}"
            raise wrong(path, f'one type for every "{name}"', kinds, REMEDY, part=part)
        if first.setdefault(value, place) != place:
            found = f"it in {key}[{first[value]}], too"
            raise wrong(path, f"the {name} {value!r} once", found, REMEDY, part=part)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
