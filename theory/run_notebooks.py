"""Execution of the notebooks from their readable sources, and the pages that a reader sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mixlib.whole_files import write_whole

FOLDER = Path(__file__).parent / "notebooks"


def notebooks() -> list[Path]:
    """The notebooks' readable sources, in reading order."""
    return sorted(FOLDER.glob("*.py"))


def execute(out: Path, sources: list[Path] | None = None) -> Iterator[Path]:
    """Runs notebooks from their readable sources and writes each as a page with its figures.

    Args:
        out: folder for the pages.
        sources: some of :func:`notebooks`; all by default.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed, the assertions at the end included.
    """
    # heavy, and from the optional group of dependencies "notebooks"
    import jupytext
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    root = {"metadata": {"path": str(FOLDER.parents[1])}}
    for source in sources or notebooks():
        book = jupytext.read(source)
        NotebookClient(book, timeout=600, kernel_name="python3", resources=root).execute()
        page, _ = HTMLExporter().from_notebook_node(book)
        target = out / f"{source.stem}.html"
        write_whole(target, page, durable=False)
        yield target
