"""The catalog of mask laws: the ``LAWS`` at the foot of files of methods and masks.

What theory, contract tests and benchmarks cover.  A file that defines a law registers it itself,
with the variants that matter (clipped at the border or wrapped around it, label by area or by
lambda), so that a new method's law is found here without another line:

    LAWS: Laws = {"cutmix": lambda size: Box(), "cutmix, wrapped": lambda size: Box("wrap")}
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mixlib.core.catalog import Catalog
from mixlib.core.mask import MaskLaw

__all__ = ["LAWS", "Law", "registers_laws"]

ROOT = Path(__file__).parents[1]
FOLDERS = ("masks", "methods")


@dataclass(frozen=True)
class Law:
    """A registered mask law.

    Attributes:
        name: the method, and what the variant differs in.
        make: from the masks' size (h, w) to the law.
        module: where it is registered.

    Example:
        >>> LAWS["cutmix, wrapped"].make((8, 8)).unbiased
        True
    """

    name: str
    make: Callable[[tuple[int, int]], MaskLaw]
    module: str


def registers_laws(source: str) -> bool:
    """Whether a file assigns ``LAWS`` at its top level.

    >>> registers_laws("LAWS = {}"), registers_laws("from x import LAWS")
    (True, False)
    """
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "LAWS" for target in targets):
            return True
    return False


def _laws() -> Iterator[Law]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if registers_laws(path.read_text()):
                parts = path.relative_to(ROOT.parent).with_suffix("").parts
                module = ".".join(part for part in parts if part != "__init__")
                for name, make in import_module(module).LAWS.items():
                    yield Law(name, make, module)


LAWS = Catalog("mask law", _laws())
