"""Parameters of mixing methods: the names that a constructor takes, read without importing it.

A constructor's module needs torch, which planning must not load; its source says the names.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from mixlib.core.method import Method
from mixlib.core.module_file import module_file
from pipelines.declare.method_schema import OF_RULES, PARAMETERS, SETTINGS_OF
from pipelines.declare.values import Anything, Flag, Kind, Many, Maybe, OneOf, Real, Text, Whole

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
    found = dict(arguments(module, function))
    if method.objective == "once":
        # of the training pipeline that the method is in, see mixlib.core.training_pipeline
        found |= {"pipeline": "", "momentum": ""}
    if method.released is not None:
        # the released code's values in the place of its own
        found |= {"released": "bool"}
    known = {
        name: PARAMETERS[name] if name in PARAMETERS else kind_of(annotation)
        for name, annotation in sorted(found.items())
        if name not in GIVEN
    }
    return known | {name: OF_RULES[name] for name in method.rule_params}


def kind_of(annotation: str) -> Kind:
    """What a parameter without a range in the schema may be, by its annotation.

    Example:
        >>> kind_of("float | None").expected
        'a number, or null'
        >>> kind_of("Literal['keep', 'drop']").expected
        'one of keep, drop'
    """
    if annotation.endswith(" | None"):
        return Maybe(kind_of(annotation.removesuffix(" | None")))
    if annotation.startswith(("tuple[", "Sequence[")):
        return Many(Anything())
    if annotation.startswith("Literal["):
        return OneOf(ast.literal_eval(f"({annotation[8:-1]},)"))
    kinds: dict[str, Kind] = {
        "float": Real(),
        "int": Whole(-(10**9)),
        "bool": Flag(),
        "str": Text(),
    }
    return kinds.get(annotation, Anything())


@cache
def arguments(module: str, function: str) -> tuple[tuple[str, str], ...]:
    """Names and annotations of a function's arguments, from the source that defines it.

    Raises:
        LookupError: no such function there, nor imported there from another module.
    """
    tree = ast.parse(module_file(module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            return tuple((a.arg, ast.unparse(a.annotation) if a.annotation else "") for a in every)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == function:
                    return arguments(node.module, alias.name)
    raise LookupError(f"expected a function {function} in {module}, found none")
