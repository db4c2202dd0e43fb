"""Execution of the notebooks from their readable sources: the committed notebooks with their
outputs, the pages of the graph, and the comparison of both with a fresh run.

The pages need nothing from a network: formulas are pictures (:mod:`theory.formulas`), and nothing
else is loaded.  Figures carry their data beside their pixels (:class:`theory.plots.Picture`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixlib.whole_files import write_whole

from .formulas import with_pictures
from .plots import FIGURE_DATA

FOLDER = Path(__file__).parent / "notebooks"
FOUND = "## What was found"
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")


def notebooks() -> list[Path]:
    """The notebooks' readable sources, in reading order."""
    return sorted(FOLDER.glob("*.py"))


def executed(source: Path) -> Any:
    """A notebook run from its readable source.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed, the assertions included.
    """
    # heavy, and from the optional group of dependencies "notebooks"
    import jupytext
    from nbclient import NotebookClient

    book = jupytext.read(source)
    root = {"metadata": {"path": str(FOLDER.parents[1])}}
    NotebookClient(
        book, timeout=900, kernel_name="python3", resources=root, record_timing=False
    ).execute()
    for k, cell in enumerate(book.cells):
        cell["id"] = f"cell-{k}"  # the same every time, or each run would change the file
    book.metadata.pop("language_info", None)
    return book


def write_pair(source: Path) -> Path:
    """Runs a notebook and writes it with its outputs beside its source."""
    import nbformat

    target = source.with_suffix(".ipynb")
    write_whole(target, nbformat.writes(executed(source)) + "\n", durable=False)
    return target


def execute(out: Path, sources: list[Path] | None = None) -> Iterator[Path]:
    """Runs notebooks from their readable sources and writes each as a page with its figures.

    Args:
        out: folder for the pages.
        sources: some of :func:`notebooks`; all by default.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed, the assertions included.
    """
    for source in sources or notebooks():
        target = out / f"{source.stem}.html"
        write_whole(target, page(executed(source)), durable=False)
        yield target


def page(book: Any) -> str:
    """An executed notebook as a page that loads nothing."""
    from nbconvert import HTMLExporter

    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = with_pictures(cell.source)
        elif FOUND in cell.source:
            # the reader of a page sees what was found once, not the cell that writes it
            cell["transient"] = {"remove_source": True}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(FIGURE_DATA, None)
    addresses = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url")
    exporter = HTMLExporter(**dict.fromkeys(addresses, ""))
    text, _ = exporter.from_notebook_node(book)
    return _without_scripts(str(text))


def _without_scripts(text: str) -> str:
    """The template's scripts serve widgets, diagrams and formulas; the pages have none of them."""
    return re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)


def differences(known: Any, found: Any, tolerance: float = 0.02) -> list[str]:
    """Where two runs of a notebook differ in what they print or draw: words, or numbers by more
    than the tolerance (relative, or of a figure's largest value).  Pixels are not compared."""
    wrong = []
    for k, (one, other) in enumerate(zip(known.cells, found.cells, strict=True)):
        first, second = (_shown(cell) for cell in (one, other))
        if [kind for kind, _ in first] != [kind for kind, _ in second]:
            kinds = [[kind for kind, _ in shown] for shown in (first, second)]
            wrong.append(f"cell {k}: expected outputs {kinds[0]}, found {kinds[1]}")
            continue
        for (kind, a), (_, b) in zip(first, second, strict=True):
            if not _alike(a, b, tolerance):
                wrong.append(f"cell {k}: {kind} differs:\n{a[:2000]}\n{b[:2000]}")
    return wrong


def _shown(cell: Any) -> list[tuple[str, str]]:
    """What a cell shows, as text: printed lines, Markdown, and the data of figures."""
    found: list[tuple[str, str]] = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "stream":
            # when the kernel flushes what is printed is a matter of time
            joined = found.pop()[1] if found and found[-1][0] == "printed" else ""
            found.append(("printed", joined + "".join(output.text)))
        elif FIGURE_DATA in data:
            found.append(("figure", json.dumps(data[FIGURE_DATA], sort_keys=True)))
        elif "text/markdown" in data:
            found.append(("markdown", data["text/markdown"]))
        else:
            found.append(("text", data.get("text/plain", "")))
    return found


def _alike(a: str, b: str, tolerance: float) -> bool:
    """The same words, and numbers within the tolerance or one unit of their last digit."""
    if NUMBER.sub("#", a) != NUMBER.sub("#", b):
        return False
    pairs = zip(NUMBER.findall(a), NUMBER.findall(b), strict=True)
    return all(
        abs(float(x) - float(y)) <= tolerance * abs(float(x)) + max(_unit(x), 1e-9)
        for x, y in pairs
    )


def _unit(number: str) -> float:
    """One unit of the last digit of a printed number: 0.01 for 3.14."""
    digits, _, power = number.partition("e")
    return float(10.0 ** (int(power or 0) - len(digits.partition(".")[2])))
