"""Overview of every declared table and figure: what has been measured and rendered of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from paper_tables.comparison import compare_runs
from paper_tables.measure import measure
from paper_tables.measured_runs import find_runs
from paper_tables.render import FOLDER, make_sheet, products
from paper_tables.sheet import Comparison, Sheet
from pipelines.declare.table import NO_CELLS, Table
from pipelines.execute.store import Store
from pipelines.plan import grid


@dataclass(frozen=True)
class Entry:
    """One table or figure of the page.

    Attributes:
        table: as declared.
        paper: the paper that declares it.
        finished, needed: how many of its runs are there, and how many it needs.
        rendered: whether its products are there and show these very runs.
        sheet: the table; None where runs are missing, and for a figure without a table.
        comparisons: measured runs that the repository holds, whatever the scale.
        pictures: files (.png) to show.
        files: products to link to.
    """

    table: Table
    paper: str
    finished: int
    needed: int
    rendered: bool
    sheet: Sheet | None = None
    comparisons: tuple[Comparison, ...] = ()
    pictures: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def status(self) -> str:
        """Where it stands, in a few words."""
        if self.rendered:
            return "done"
        if self.finished == self.needed:
            return "measured, not rendered" if self.needed else "not drawn"
        return f"{self.finished} of {self.needed} runs" if self.finished else "not run"


def collect(found: grid.Plan, store: Store, folder: Path = FOLDER) -> tuple[Entry, ...]:
    """Every declared table and figure with what there is of it, in the order of declarations."""
    papers: dict[str, str] = {}
    entries = []
    for name, table in found.tables.items():
        if table.file not in papers:
            body = yaml.safe_load(Path(table.file).read_text())
            papers[table.file] = str(body.get("paper") or body["study"])
        entries.append(_entry(found, name, papers[table.file], store, folder))
    return tuple(entries)


def _entry(found: grid.Plan, name: str, paper: str, store: Store, folder: Path) -> Entry:
    table, jobs = found.tables[name], found.needed(name)
    finished, sheet = sum(map(store.finished, jobs)), None
    files = products(found, name, folder)
    rendered = finished == len(jobs) and all(path.exists() for path in files)
    if rendered and table.kind != NO_CELLS:
        numbers = measure(table, found.cells[name], store)
        sheet = make_sheet(found, name, numbers, store)
    runs, _ = find_runs(table)
    return Entry(
        table,
        paper,
        finished,
        len(jobs),
        rendered,
        sheet,
        tuple(map(compare_runs, runs)),
        tuple(path for path in files if rendered and path.suffix == ".png"),
        tuple(path for path in files if rendered and not path.name.startswith("cells-")),
    )
