"""The catalog of mixing methods: the ``ROW`` at the foot of every file of :mod:`mixlib.methods`.

Read by tables, tests, benchmarks and documentation.  A method is one file (or one folder) that
bears its name; nothing else need be edited for it to be found here.  Rows are read from the source
without running it, so that the catalog loads no torch: a row may use literals, the names of
:mod:`mixlib.core.method` and :mod:`mixlib.core.hyperparameters`, and constants of its own file that
are made of these.

A method of somebody else's comes in by an entry point of the group ``mixlib.methods``, whose value
is its module, or by :func:`register_file`.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mixlib.core import hyperparameters
from mixlib.core import method as method_row
from mixlib.core.catalog import Catalog
from mixlib.core.method import FAMILIES, Family, Method, Params
from mixlib.core.module_file import make_importable, module_file

__all__ = [
    "FAMILIES",
    "METHODS",
    "Family",
    "Method",
    "Params",
    "check_released",
    "method",
    "read_row",
    "register_file",
    "register_module",
]

FOLDER = Path(__file__).parents[1] / "methods"
ENTRY_POINTS = "mixlib.methods"


def read_row(path: Path, module: str) -> Method | None:
    """The row of a method's source file, or None if it has none.

    Args:
        path: the file; a folder's is its ``__init__.py``.
        module: the module's dotted name.

    Raises:
        ValueError: the row is no Method, uses a name that this cannot read without running the
            file, or is not called as its file.
    """
    body = ast.parse(path.read_text(), str(path)).body
    constants = dict(_constants(body))
    if "ROW" not in constants:
        return None
    known = {**vars(hyperparameters), **vars(method_row)}
    needed = _needed(constants["ROW"], constants, known, path)
    names: dict[str, Any] = dict(known)
    for name in needed:
        value = ast.Expression(constants[name])
        names[name] = eval(compile(value, str(path), "eval"), names)
    row = names["ROW"]
    file = path.parent.name if path.name == "__init__.py" else path.stem
    if not isinstance(row, Method):
        raise ValueError(f"{path}: expected ROW = Method({file!r}, ...), got {row!r}")
    if row.name != file:
        raise ValueError(
            f"{path}: a method's file has its name: expected ROW = Method({file!r}, ...), found "
            f"Method({row.name!r}, ...); rename the file to {row.name}.py, or the method"
        )
    return replace(row, module=module)


def _constants(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _needed(
    value: ast.expr, constants: dict[str, ast.expr], known: dict[str, Any], path: Path
) -> list[str]:
    """The constants that the row rests on, in an order in which they can be computed."""
    order: list[str] = []

    def visit(name: str, node: ast.expr) -> None:
        inner = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        bound = {n.id for n in inner if isinstance(n.ctx, ast.Store)}
        for used in inner:
            if used.id in order or used.id in bound:
                continue
            if used.id in constants and used.id != name:
                visit(used.id, constants[used.id])
            elif used.id not in known and not hasattr(builtins, used.id):
                raise ValueError(
                    f"{path}, line {used.lineno}: a row is read without running its file and "
                    f"cannot use {used.id!r}; write the value out, or take it from "
                    "mixlib.core.hyperparameters"
                )
        order.append(name)

    visit("ROW", value)
    return order


def _rows() -> Iterator[Method]:
    for path in sorted(FOLDER.iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        if file.suffix == ".py" and file.exists() and path.stem != "__init__":
            row = read_row(file, f"mixlib.methods.{path.stem}")
            if row is not None:
                yield row


METHODS = Catalog("method", sorted(_rows(), key=lambda row: (row.year, row.name)))


def register_module(module: str) -> Method:
    """Adds the method of a module of somebody else's, whose file ends in its ``ROW``.

    Raises:
        LookupError: there is no such module.
        ValueError: it has no row, the row cannot be read, or its name is another method's.
    """
    path = module_file(module)
    row = read_row(path, module)
    if row is None:
        raise ValueError(f"{path}: expected ROW = Method({path.stem!r}, ...) at its foot")
    METHODS.register(row)
    return row


def register_file(path: Path | str) -> Method:
    """Adds the method of a file of one's own; ``mixlib.build`` and declarations then know it.

    Args:
        path: the file, written as CONTRIBUTING.md says; its name is the method's.

    Raises:
        LookupError: there is no such file, or Python finds another module of its name.
        ValueError: as of :func:`register_module`.
    """
    return register_module(make_importable(Path(path)))


def _register_installed() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        try:
            register_module(point.value.partition(":")[0])
        except (LookupError, ValueError, SyntaxError) as error:
            # one broken package must not take the library with it
            warnings.warn(f"entry point {point.name} of {ENTRY_POINTS}: {error}", stacklevel=2)


_register_installed()


def method(name: str) -> Method:
    """The row of a method.

    Raises:
        KeyError: no such method; the message names the nearest one and lists all.

    Example:
        >>> method("hmix").title
        'HMix'
    """
    return METHODS[name]


def check_released(row: Method) -> None:
    """Refuses to build as released what no released code is known to do otherwise.

    Raises:
        ValueError: the method has no released variant; the message lists those that have one.
    """
    if row.released is None:
        known = ", ".join(sorted(name for name, other in METHODS.items() if other.released))
        raise ValueError(
            f"{row.name} has no released variant: build it without released (known for: {known})"
        )
