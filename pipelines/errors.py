"""How does a wrong declaration end a run?  With one line that says where, what was found, and what
was expected."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mixlib.core.catalog import nearest
from mixlib.data.errors import DataError


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
        raise DeclarationError(f"{where}: expected a mapping of keys, found {given!r}")
    words = list(known)
    for key in given:
        if key not in words:
            raise DeclarationError(f"{where}: {nearest(what, str(key), words)}")


def require(where: str, given: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Refuses a declaration that lacks a key."""
    for key in keys:
        if key not in given:
            raise DeclarationError(f"{where}: the key {key!r} is missing")


def run_app(app: Callable[..., Any]) -> None:
    """Runs a typer application; a wrong declaration, missing file or faulty data ends it with one
    line.  Everything else is a fault of ours and shows its traceback."""
    try:
        app()
    except (DeclarationError, DataError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyError as error:
        if (message := sentence(error)) is None:
            raise
        sys.exit(f"error: {message}")


def sentence(error: KeyError) -> str | None:
    """The message of a KeyError that a catalog wrote; None for a lone key, which helps nobody."""
    message = error.args[0] if len(error.args) == 1 else None
    return message if isinstance(message, str) and " " in message else None
