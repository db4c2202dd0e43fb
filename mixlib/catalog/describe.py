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
on it, `mixlib.build(word, released=True)` repeats it: the last column of the second table says
which parameters that sets, and what else is to be known. Pairing, where nothing is said: everyone's
partner is the same random number of places on.

`teacher` is a network that you have trained, e.g. `mixlib.build("relabel", teacher=model)`.
AttentiveMix, TokenMix and SuperMix ask the network in training where none is given; ReLabel,
TokenLabeling and MixToken refuse to, see [labels by a teacher](methods/teachers.md).

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
    for word, parameter in _parameters(row).items():
        if word in ("net", "rule", "steps", "seed"):
            continue  # what the builder passes
        value = given.get(word, parameter.default)
        if not isinstance(value, (type(None), bool, int, float, str, tuple, list)):
            continue
        shown.append(f"`{word}={value!r}`")
    return " ".join(shown).replace("|", "\\|") or "-"


def _parameters(row: Method) -> dict[str, inspect.Parameter]:
    """Those of the constructor and, where the method has a label rule of its own, of that."""
    from mixlib.core.method import resolve

    found = dict(inspect.signature(_make(row)).parameters)
    if row.rule is not None:
        rule = inspect.signature(resolve(row.path(row.rule))).parameters
        found |= {word: rule[word] for word in row.rule_params}
    return found


def _released(row: Method) -> str:
    """The fields that the released code sets otherwise, and what docstrings say of it."""
    from mixlib.core.method import resolve

    if row.released is None:
        return "-"
    fields = " ".join(f"`{word}={value!r}`" for word, value in row.released.items())
    makers = [row.path()] + ([] if row.rule is None else [row.path(row.rule)])
    prose = " ".join(filter(None, (released_prose(resolve(path)) for path in makers)))
    return f"{fields}: {prose}".replace("|", "\\|")


def released_prose(make: Any) -> str:
    """The paragraph of a constructor's docstring that begins with ``Released:``, or ""."""
    text = inspect.getdoc(make) or ""
    at = text.find("Released:")
    if at < 0:
        return ""
    found = " ".join(text[at:].split("\n\n")[0].split())
    return found.removeprefix("Released:").strip().replace("``", "`")


if __name__ == "__main__":
    print(markdown(), end="")
