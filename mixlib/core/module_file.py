"""The source file of a module that is not imported: planning a table must load no torch."""

from __future__ import annotations

import ast
import hashlib
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path


def module_file(module: str) -> Path:
    """The file of a module.

    Only packages above it are imported (mixlib's are empty or light), never the module.

    Args:
        module: dotted name.

    Raises:
        LookupError: there is none; says where was looked.

    Example:
        >>> module_file("mixlib.core.module_file").name
        'module_file.py'
    """
    parent, _, name = module.rpartition(".")
    try:
        above = find_spec(parent) if parent else None
    except ModuleNotFoundError:
        raise LookupError(_missing(module)) from None
    places = sys.path if not parent else (above.submodule_search_locations if above else None)
    for place in places or ():
        for path in (Path(place) / f"{name}.py", Path(place) / name / "__init__.py"):
            if path.is_file():
                return path
    raise LookupError(_missing(module))


def _missing(module: str) -> str:
    return (
        f"expected the source of {module}, found none: a module is looked for beside the "
        "declaration, in the current folder and among the installed packages"
    )


def top_level_names(path: Path) -> set[str] | None:
    """Names that a source file defines or imports at its top level; None where a star import hides
    some.

    Example:
        >>> "module_file" in top_level_names(module_file("mixlib.core.module_file"))
        True
    """
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)  # what is inside is not of the module
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return None if "*" in found else found


def file_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file's bytes.

    Example:
        >>> len(file_hash(module_file("mixlib.core.module_file")))
        16
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def make_importable(path: Path) -> str:
    """The name under which Python finds a file as a module, its folder added to the end of the
    search path where it is not yet there.

    Raises:
        LookupError: there is no such file, or Python finds another module of its name first.

    Example:
        >>> make_importable(Path("nowhere.py"))
        Traceback (most recent call last):
        LookupError: expected a file of Python, found none at nowhere.py
    """
    if path.suffix != ".py" or not path.is_file():
        raise LookupError(f"expected a file of Python, found none at {path}")
    path = path.resolve()
    search(path.parent)
    found = PathFinder.find_spec(path.stem)
    if path.stem in sys.builtin_module_names or found is None or found.origin != str(path):
        other = found.origin if found else "built in"
        raise LookupError(
            f"{path}: expected a name that no other module has, found {path.stem} ({other}): "
            "rename the file"
        )
    return path.stem


def search(folder: Path) -> None:
    """Adds a folder to the end of Python's search path; nothing installed is hidden by it."""
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))
        PathFinder.invalidate_caches()
