"""Parameters of mixing methods: the names that a constructor takes, read without importing it.

A constructor's module needs torch, which planning must not load; its source says the names.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from mixlib.core.method import Method
from pipelines.declare.schema import PARAMETERS, SETTINGS_OF
from pipelines.declare.values import Kind

# what the trainer gives to a constructor, and no declaration can
GIVEN = frozenset({"net", "steps", "seed", "rule", "teacher", "supervisor"})


def parameters(method: Method) -> Mapping[str, Kind]:
    """The parameters that a declaration may set, and what each may be.

    Example:
        >>> from mixlib.catalog.methods import METHODS
        >>> sorted(parameters(METHODS["mixup"]))
        ['alpha', 'momentum', 'pairing', 'pipeline', 'scope']
    """
    if method.name in SETTINGS_OF:
        return SETTINGS_OF[method.name]
    module, _, function = method.path().partition(":")
    names = set(arguments(module, function)) - GIVEN
    if method.objective == "once":
        # of the training pipeline that the method is in, see mixlib.core.training_pipeline
        names |= {"pipeline", "momentum"}
    return {name: PARAMETERS[name] for name in sorted(names)}


@cache
def arguments(module: str, function: str) -> tuple[str, ...]:
    """Names of a function's arguments, from the source of the module that defines it.

    Raises:
        LookupError: no such function there, nor imported there from another module.
    """
    tree = ast.parse(source(module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            return tuple(argument.arg for argument in every)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == function:
                    return arguments(node.module, alias.name)
    raise LookupError(f"expected a function {function} in {module}, found none")


def source(module: str) -> Path:
    """The file of a module.

    Only packages above it are imported (mixlib's are empty or light), never the module.
    """
    parent, _, name = module.rpartition(".")
    spec = find_spec(parent)
    places = spec.submodule_search_locations if spec else None
    for place in places or ():
        for path in (Path(place) / f"{name}.py", Path(place) / name / "__init__.py"):
            if path.is_file():
                return path
    raise LookupError(f"expected the source of {module}, found none")
