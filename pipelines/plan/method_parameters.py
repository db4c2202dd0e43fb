"""Parameters of mixing methods: the names that a constructor takes, read without importing it.

A constructor's module needs torch, which planning must not load; its source says the names.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import cache

from mixlib.core.arguments import Range
from mixlib.core.method import GIVEN, Method
from mixlib.core.module_file import module_file
from pipelines.declare.method_schema import OF_RULES, OF_TRAINING, PARAMETERS, SETTINGS_OF
from pipelines.declare.values import Anything, Flag, Kind, Many, Maybe, OneOf, Real, Text, Whole

FOREIGN = frozenset({"typing", "typing_extensions", "collections", "jaxtyping", "torch"})
"""Packages whose names say themselves what they are."""
NETWORKS = ("teacher", "supervisor")
"""Arguments that a declaration names elsewhere: a training, not a parameter."""


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
    # names of sites and lengths of sequences, which are not annotated
    more = PARAMETERS if method.module.startswith("mixlib.") else {}
    found = {
        name: more[name] if name in more else kind_of(annotation)
        for name, annotation in arguments(module, function)
        if name not in (*GIVEN, *NETWORKS)
    }
    if method.objective == "once":
        found |= OF_TRAINING
    if method.released is not None:
        # the released code's values in the place of its own
        found |= {"released": Flag()}
    found |= {name: OF_RULES[name] for name in method.rule_params}
    return dict(sorted(found.items()))


def kind_of(annotation: str) -> Kind:
    """What a parameter may be, by its annotation.

    Example:
        >>> kind_of("float | None").expected
        'a number, or null'
        >>> kind_of("Literal['keep', 'drop']").expected
        'one of keep, drop'
        >>> kind_of("Annotated[int, Range(low=1)]").expected
        'a whole number from 1 to 1000000000'
    """
    if annotation.endswith(" | None"):
        return Maybe(kind_of(annotation.removesuffix(" | None")))
    if annotation.startswith(("tuple[", "Sequence[")):
        return Many(Anything())
    if annotation.startswith("Literal["):
        return OneOf(ast.literal_eval(f"({annotation[8:-1]},)"))
    if annotation.startswith("Annotated["):
        return _annotated(annotation)
    kinds: dict[str, Kind] = {
        "float": Real(),
        "int": Whole(-(10**9)),
        "bool": Flag(),
        "str": Text(),
    }
    return kinds.get(annotation, Anything())


def _annotated(annotation: str) -> Kind:
    """A number within a :class:`mixlib.core.arguments.Range`, or what is annotated by others."""
    tree = ast.parse(annotation, mode="eval").body
    assert isinstance(tree, ast.Subscript)
    base, *more = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    kind = kind_of(ast.unparse(base))
    for call in more:
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Range"):
            ends = [float(ast.literal_eval(end)) for end in call.args]
            words = {w.arg: float(ast.literal_eval(w.value)) for w in call.keywords if w.arg}
            bounds = Range(*ends, **words)
            above = bounds.above is not None
            low = bounds.low if bounds.above is None else bounds.above
            if isinstance(kind, Real):
                return Real(low, bounds.high, above)
            if isinstance(kind, Whole):
                least = max(low, kind.low)
                return Whole(
                    math.floor(least) + 1 if above else math.ceil(least),
                    math.floor(min(bounds.high, kind.high)),
                )
    return kind


@cache
def arguments(module: str, function: str) -> tuple[tuple[str, str], ...]:
    """Names and annotations of a function's arguments, from the source that defines it; names that
    stand for other types (Positive, Scope) are written out.

    Raises:
        LookupError: no such function there, nor imported there from another module.
    """
    tree = _tree(module)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            return tuple(
                (a.arg, _written_out(a.annotation, module) if a.annotation else "") for a in every
            )
    origin = _imported(tree, function)
    if origin is None:
        raise LookupError(f"expected a function {function} in {module}, found none")
    return arguments(*origin)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(module_file(module).read_text(encoding="utf-8"))


def _imported(tree: ast.Module, name: str) -> tuple[str, str] | None:
    """Module and name from which a module imports a name; None: it does not."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def _written_out(annotation: ast.expr, module: str) -> str:
    """An annotation without names that a module gives to other types."""
    if isinstance(annotation, ast.BinOp):
        return f"{_written_out(annotation.left, module)} | {_written_out(annotation.right, module)}"
    if isinstance(annotation, ast.Name):
        meant = _alias(module, annotation.id)
        if meant is not None:
            return meant
    return ast.unparse(annotation)


@cache
def _alias(module: str, name: str) -> str | None:
    """What a name stands for as a type; None: it is none of the source's own."""
    if module.partition(".")[0] in FOREIGN:
        return None
    try:
        tree = _tree(module)
    except LookupError:
        return None
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return _written_out(node.value, module)
    origin = _imported(tree, name)
    return None if origin is None else _alias(*origin)
