"""The page of public names: ``python -m mixlib.catalog.api > docs/api.md``.

Public is what a package names in its ``__all__``; everything else is free to move.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from typing import Any

from mixlib.core.markdown import table

PACKAGES = (
    "mixlib",
    "mixlib.core",
    "mixlib.models",
    "mixlib.saliency",
    "mixlib.saliency.fine_grained",
    "mixlib.methods.automix",
    "mixlib.training",
    "mixlib.training.fit",
    "mixlib.catalog",
)

HEAD = """# Public names

Written by `python -m mixlib.catalog.api > docs/api.md` from the packages' `__all__`; a test keeps
it true. What is not listed here is free to move. The constructors of all methods, with their
parameters, are in [methods.md](methods.md).
"""


def markdown() -> str:
    """The page: every package with its public names, how they are called, and what they are."""
    return HEAD + "".join(f"\n{line}\n" for name in PACKAGES for line in _package(name))


def _package(name: str) -> Iterator[str]:
    package = import_module(name)
    yield f"## `{name}`"
    yield _first(package)
    rows = []
    for public in package.__all__:
        value = getattr(package, public)
        rows.append((f"`{public}{call(value)}`", _first(value)))
    yield "\n".join(table(["name", "what"], rows))


def call(value: Any) -> str:
    """The parameters of a function or class, "" for a value.

    Example:
        >>> from mixlib.core.catalog import nearest
        >>> call(nearest)
        '(what, given, known)'
    """
    if not callable(value) or (inspect.isclass(value) and issubclass(value, Enum)):
        return ""
    parts, starred = [], False
    for name, parameter in inspect.signature(value).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        starred = starred or parameter.kind is parameter.VAR_POSITIONAL
        stars: dict[Any, str] = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        given = parameter.default is not parameter.empty
        parts.append(stars.get(parameter.kind, "") + name + ("=..." if given else ""))
    return f"({', '.join(parts)})"


def _first(value: Any) -> str:
    """The first paragraph of a docstring; of a catalog, what it holds."""
    rows = getattr(value, "what", None)
    if rows is not None:
        return f"The catalog: every {rows} by its name."
    text = (inspect.getdoc(value) or "").split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|").replace("``", "`")


if __name__ == "__main__":
    print(markdown(), end="")
