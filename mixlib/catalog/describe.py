"""What does the catalog say, for a reader?  ``python -m mixlib.catalog.describe > docs/methods.md``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mixlib.catalog.methods import METHODS
from mixlib.core.method import Method

FAMILIES = Path(__file__).parents[1] / "docs" / "methods"

HEAD = """# Methods

Written by `python -m mixlib.catalog.describe > docs/methods.md` from the catalog; a test keeps it true.

*verified*: compared with recordings of the reference implementation. *defined*: from the paper's
equations, with the contract tests that every method passes. *needs* names what a method looks at
beyond the batch: `input_grad` the gradient of the loss at its pixels, `features`, `attention` and
`teacher` what a network makes of it. *page* explains the method: equation, differences, traps, and
what a step costs (features and attention are free where they are read in the pass that is trained).

The definition of a method is its paper. Where released code differs and a published number rests
on it, `released=True` repeats it; what that changes is said in the last column of the second table.
Pairing, where nothing is said: everyone's partner is the same random number of places on.

`teacher` and `supervisor` are networks that you have trained, e.g. `mixlib.build("relabel",
teacher=model)`. AttentiveMix, TokenMix and SuperMix ask the network in training where none is
given; ReLabel, TokenLabeling and MixToken refuse to, see [labels by a
teacher](methods/teachers.md).

"""


def markdown() -> str:
    """The page: every method with its status, needs, family page and citation, then its parameters
    and what its release does differently."""
    lines = ["| method | word | status | needs | page | citation |", "|---|---|---|---|---|---|"]
    where = pages(sorted(FAMILIES.glob("*.md")))
    for row in METHODS.values():
        needs = ", ".join(sorted(row.needs)) or "-"
        page = where.get(row.name)
        link = f"[{page.stem}](methods/{page.name})" if page else "-"
        words = (row.title, f"`{row.name}`", row.status, needs, link, row.cite)
        lines.append(f"| {' | '.join(words)} |")
    lines += ["", "| word | parameters (catalog's default) | released |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {_words(row)} | {_released(row)} |" for row in METHODS.values()]
    return HEAD + "\n".join(lines) + "\n"


def pages(paths: Iterable[Path]) -> dict[str, Path]:
    """Which of these pages describes a method: the one with a row "| `word` | ..." in a table."""
    return {
        word: path
        for path in paths
        for word in re.findall(r"^\| `(\w+)` \|", path.read_text(), re.MULTILINE)
    }


def _make(row: Method) -> Any:
    from mixlib.core.method import resolve

    return resolve(row.path())


def _words(row: Method) -> str:
    """Every parameter with the value that the catalog's default family gives it."""
    given: Mapping[str, Any] = row.params_for()
    shown = []
    for word, parameter in inspect.signature(_make(row)).parameters.items():
        if word in ("net", "rule", "steps", "seed", "released"):
            continue  # what the builder passes, and the column beside
        value = given.get(word, parameter.default)
        if not isinstance(value, (type(None), bool, int, float, str, tuple, list)):
            continue
        shown.append(f"`{word}={value!r}`")
    return " ".join(shown).replace("|", "\\|") or "-"


def _released(row: Method) -> str:
    """What the switch changes in the mixes and, where the method has a rule, in the labels."""
    from mixlib.core.method import resolve

    said = released(_make(row))
    return said if row.rule is None else f"{said} {released(resolve(row.path(row.rule)))}"


def released(make: Any) -> str:
    """The paragraph of a constructor's docstring that begins with ``released=True``, if it has the
    switch."""
    if "released" not in inspect.signature(make).parameters:
        return "-"
    text = inspect.getdoc(make) or ""
    at = text.find("``released=True``")
    if at < 0:
        at = text.find("released:")
    found = " ".join(text[at:].split("\n\n")[0].split()) if at >= 0 else "see its docstring"
    for words in ("``released=True``:", "released:", "``released=True``"):
        found = found.removeprefix(words)
    return found.strip().replace("|", "\\|").replace("``", "`")


if __name__ == "__main__":
    print(markdown(), end="")
