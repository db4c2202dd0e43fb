"""The page of all methods, written from the catalog.

``python -m mixlib.catalog.describe > docs/methods.md``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from mixlib.catalog.methods import METHODS
from mixlib.core.markdown import table
from mixlib.core.method import GIVEN, Method, resolve

FAMILIES = Path(__file__).parents[2] / "docs" / "methods"

HEAD = """# Methods

Written by `python -m mixlib.catalog.describe > docs/methods.md` from the catalog; a test keeps it
true.

*verified*: compared with recordings of the reference implementation. *defined*: from the paper's
equations, with the contract tests that every method passes. *needs* names what a method looks at
beyond the batch: `input_grad` the gradient of the loss at its pixels, `features`, `attention` and
`teacher` what a network makes of it. *page* explains the method: equation, differences, traps, and
what a step costs (features and attention are free where they are read in the pass that is trained).

The definition of a method is its paper. Where released code differs and a published number rests
on it, `mixlib.build(word, released=True)` repeats it: the last column of the second table says
which parameters that sets, and what else is to be known. Pairing, where nothing is said: everyone's
partner is the same random number of places on.

A dotted parameter is a value inside: `block.reduction=2` is said as `block={"reduction": 2}`, as
in `mixlib.objective("automix", model, steps=steps, block={"reduction": 2})`.

`teacher` is a network that you have trained, e.g. `mixlib.build("relabel", teacher=model)`.
AttentiveMix, TokenMix and SuperMix ask the network in training where none is given; ReLabel,
TokenLabeling and MixToken refuse to, see [labels by a teacher](methods/teachers.md).

"""


def markdown() -> str:
    """The page: every method with its status, needs, family page and citation, then its parameters
    and what its release does differently."""
    where = pages(sorted(FAMILIES.glob("*.md")))
    methods = []
    for row in METHODS.values():
        needs = ", ".join(sorted(row.needs)) or "-"
        page = where.get(row.name)
        link = f"[{page.stem}](methods/{page.name})" if page else "-"
        methods.append((row.title, f"`{row.name}`", row.status, needs, link, row.cite))
    parameters = [(f"`{row.name}`", _shown(row), _released(row)) for row in METHODS.values()]
    lines = [
        *table(["method", "name", "status", "needs", "page", "citation"], methods),
        "",
        *table(["name", "parameters (catalog's default)", "released"], parameters),
    ]
    return HEAD + "\n".join(lines) + "\n"


def pages(paths: Iterable[Path]) -> dict[str, Path]:
    """Which of these pages describes a method: the one with a row "| `word` | ..." in a table."""
    return {
        word: path
        for path in paths
        for word in re.findall(r"^\| `(\w+)` \|", path.read_text(), re.MULTILINE)
    }


def parameters(row: Method) -> dict[str, Any]:
    """Every parameter with the value that the catalog's default family gives it.

    Where an objective takes a dataclass, its fields; those of a dataclass inside are written with
    a dot, as error messages do.
    """
    if row.settings is not None:
        return dict(_flat(resolve(row.path(row.settings))(row.params_for())))
    given: Mapping[str, Any] = row.params_for()
    return {
        name: given.get(name, parameter.default)
        for name, parameter in _signature(row).items()
        if name not in GIVEN
    }


def _flat(spec: Any, where: str = "") -> Iterable[tuple[str, Any]]:
    for each in fields(spec):
        value = getattr(spec, each.name)
        if where + each.name in GIVEN:
            continue
        if is_dataclass(value):
            yield from _flat(value, f"{where}{each.name}.")
        else:
            yield where + each.name, value


def _shown(row: Method) -> str:
    plain = (type(None), bool, int, float, str, tuple, list)
    shown = [
        f"`{name}={value!r}`" for name, value in parameters(row).items() if isinstance(value, plain)
    ]
    return " ".join(shown) or "-"


def _signature(row: Method) -> dict[str, inspect.Parameter]:
    """Parameters of the constructor and, where the method has a label rule of its own, of that."""
    found = dict(inspect.signature(resolve(row.path())).parameters)
    if row.rule is not None:
        rule = inspect.signature(resolve(row.path(row.rule))).parameters
        found |= {name: rule[name] for name in row.rule_params}
    return found


def _released(row: Method) -> str:
    """The fields that the released code sets otherwise, and what docstrings say of it."""
    if row.released is None:
        return "-"
    changed = " ".join(f"`{name}={value!r}`" for name, value in row.released.items())
    makers = [row.path()] + ([] if row.rule is None else [row.path(row.rule)])
    prose = " ".join(filter(None, (released_prose(resolve(path)) for path in makers)))
    return f"{changed}: {prose}"


def released_prose(make: Any) -> str:
    """The paragraph of a constructor's docstring that begins with ``Released:``, or ""."""
    text = inspect.getdoc(make) or ""
    at = text.find("Released:")
    if at < 0:
        return ""
    found = " ".join(text[at:].split("\n\n")[0].split())
    return found.removeprefix("Released:").strip().replace("``", "`")


def undocumented(page: Path, families: Iterable[Path]) -> list[str]:
    """What documentation lacks, a line each: the generated page is old, a method has no family's
    page."""
    there = pages(families)
    old = not page.exists() or page.read_text() != markdown()
    return [f"{page} is old: make docs"] * old + [
        f"no page of docs/methods has a row '| `{name}` | ...': describe the method on its family's"
        for name in METHODS
        if name not in there
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit("\n".join(undocumented(FAMILIES.with_suffix(".md"), FAMILIES.glob("*.md"))) or 0)
    print(markdown(), end="")
