"""Errors of declarations: one line that says where, what was expected and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mixlib.core.catalog import nearest
from pipelines.declare.mapping import place_of


class DeclarationError(ValueError):
    """A declaration cannot be used; the message names file, key and the nearest valid word."""


def check_keys(
    where: str, given: Mapping[str, Any], known: Iterable[str], what: str = "key"
) -> None:
    """Refuses a key that is not known.

    Raises:
        DeclarationError: names ``where``, the key, and the nearest known one.
    """
    if not isinstance(given, Mapping):
        raise DeclarationError(f"{where}: expected a mapping of keys, found {str(given)[:60]!r}")
    names = list(known)
    for key in given:
        if key not in names:
            place = place_of(where, given, key)
            raise DeclarationError(f"{place}: {nearest(what, str(key)[:60], names)}")


def require(where: str, given: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Refuses a declaration that lacks a key."""
    for key in keys:
        if key not in given:
            raise DeclarationError(f"{where}: the key {key!r} is missing")
