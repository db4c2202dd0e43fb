"""Names of a package that are imported when they are first used.

Importing mixlib, or one of its catalogs, must load no torch, and yet ``mixlib.core.Mix`` be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its dotted name.
        homes: every public name -> the module of the package that holds it.

    Example:
        >>> find, names = lazy_names("mixlib.core", {"Catalog": "catalog"})
        >>> find("Catalog").__module__, names()
        ('mixlib.core.catalog', ['Catalog'])
        >>> find("Katalog")
        Traceback (most recent call last):
        ...
        AttributeError: module 'mixlib.core' has no attribute 'Katalog'; it has Catalog
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(
            f"module {package!r} has no attribute {name!r}; it has {', '.join(homes)}"
        )

    return find, lambda: sorted(homes)
