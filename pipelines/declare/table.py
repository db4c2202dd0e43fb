"""Tables as declared: rows, columns, what is held fixed, which metric, and the paper's numbers.

One file per paper under ``paper_tables/`` serves Python, Snakemake and DVC.  Every declared field
is a field of a job; a name that is not known stops the run with one line that says file, key and
the nearest name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.declare.axis import Entry, read_axis
from pipelines.declare.errors import DeclarationError, check_keys, require
from pipelines.declare.gains import Gain, read_gains
from pipelines.declare.mapping import over, overlaid, place_of
from pipelines.declare.paired import Paired, read_paired
from pipelines.declare.schema import (
    FIGURE,
    FILE,
    MOST_CELLS,
    OF_STUDY,
    TABLE,
)
from pipelines.declare.study import admit
from pipelines.declare.values import check_fields
from pipelines.declare.yaml_file import read_yaml

FOLDER = Path("paper_tables")
SEEDS = 3
"""Runs a cell of a study averages, where it does not say how many."""
NO_CELLS = "none"  # the kind of a product that is a picture alone, drawn from no results


@dataclass(frozen=True)
class Table:
    """A declared table.

    Attributes:
        name: its target: "table7" for AutoMix's Table 7, "msda_table2", "tokenmix_table1".
        file: the declaration it comes from, for messages.
        title, caption, source: for people; ``source`` names paper and table, or the study.
        kind: the kind of job in the cells.
        rows, columns: the axes.
        fixed: fields that all cells share.
        unit: of the numbers ("%"), where a column does not name its own.
        higher_is_better: which way is good, where a column does not say it.
        compare: what stands side by side in the table's question: its "rows" within a column, or
            its "columns" within a row.
        tolerance: a difference to the paper below this is no difference (in the table's unit,
            for the columns that have it); None: not known.
        tolerance_source: where the tolerance comes from, or why none is known.
        tolerance_columns: labels of the columns that it holds for; empty: all.
        reference: the paper's numbers by (row label, column label); missing where it prints none.
        gains: rows and columns that are differences of its own cells.
        paired: which rows are compared with which, seed by seed; None: none are.
        footnotes: lines under the table.
        skip: cells (row label, column label) that are left empty: combinations that make no sense,
            or that the paper does not report.
        figure: name of the drawing that is the table's picture, see
            :mod:`paper_tables.drawings.registry`.
        pictures: the same for example pictures beside the table; None: there are none.
        whole: the declared table, where this is the part of it that a scale measures.
        place: file and line of the declaration, for messages.
        study: it reproduces no paper's.
        seeds: how many runs a cell averages, where a study says it.
        portable: whether a study's runs give the same bits on every x86 processor.
    """

    name: str
    file: str
    title: str
    caption: str
    source: str
    kind: str
    rows: tuple[Entry, ...]
    columns: tuple[Entry, ...]
    fixed: Mapping[str, Any]
    unit: str = "%"
    higher_is_better: bool = True
    compare: str = "rows"
    tolerance: float | None = None
    tolerance_source: str = ""
    tolerance_columns: tuple[str, ...] = ()
    reference: Mapping[tuple[str, str], float] = field(default_factory=dict)
    gains: tuple[Gain, ...] = ()
    paired: Paired | None = None
    footnotes: tuple[str, ...] = ()
    skip: frozenset[tuple[str, str]] = frozenset()
    figure: str = "dots"
    pictures: str | None = None
    whole: Table | None = None
    place: str = ""
    study: bool = False
    seeds: int | None = None
    portable: bool = False

    @property
    def target(self) -> str:
        """What is asked of Snakemake to make it: a folder beside its declaration."""
        return (Path(self.file).parent / self.name).as_posix()

    def part(self, where: str, chosen: Mapping[str, Sequence[str]]) -> Table:
        """This table with some of its rows and columns.

        Args:
            where: file and key of the choice, for messages.
            chosen: labels of the "rows" and "columns" that stay; a missing axis stays whole.

        Raises:
            DeclarationError: no such axis, row or column.
        """
        check_keys(where, chosen, ("rows", "columns"), "axis")
        axes = {"rows": self.rows, "columns": self.columns}
        for axis, labels in chosen.items():
            entries = axes[axis]
            known = [entry.label for entry in entries]
            check_keys(f"{where}: {axis}", dict.fromkeys(labels), known, axis.removesuffix("s"))
            axes[axis] = tuple(entry for entry in entries if entry.label in labels)
        rows, columns = axes["rows"], axes["columns"]
        remaining = {(row.label, column.label) for row in rows for column in columns}
        left = [entry.label for entry in rows], [entry.label for entry in columns]
        return replace(
            self,
            rows=rows,
            columns=columns,
            skip=self.skip & remaining,
            gains=tuple(gain for gain in self.gains if gain.among(*left)),
            whole=self,
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """Labels of the declared rows and columns that this part leaves out."""
        whole, here = self.whole or self, (*self.rows, *self.columns)
        return tuple(e.label for e in (*whole.rows, *whole.columns) if e not in here)

    @property
    def units(self) -> str:
        """What the numbers are in, for a heading."""
        others = any(column.unit not in (None, self.unit) for column in self.columns)
        return f"{self.unit} unless a column says otherwise" if others else self.unit

    def point(self, row: Entry, column: Entry) -> Mapping[str, Any]:
        """The declared fields of one cell; a row overrides what is fixed, a column overrides a
        row.

        Inside ``changes`` and ``params`` single values do: a row that sets a method's site keeps
        the epochs that are fixed, and a column adds alpha.  Parameters of another method are
        dropped with it.
        """
        return over(over(self.fixed, row.sets), column.sets)

    def higher(self, column: str) -> bool:
        """Whether higher is better in the column of this label."""
        own = next(entry.higher_is_better for entry in self.columns if entry.label == column)
        return self.higher_is_better if own is None else own

    def metric(self, row: Entry, column: Entry) -> str:
        """The metric of one cell."""
        name = column.metric or row.metric
        if name is None:
            raise DeclarationError(
                f"{self.file}: {self.name}: cell ({row.label}, {column.label}) has no metric"
            )
        return name


def load_all(folder: Path = FOLDER) -> dict[str, Table]:
    """Every declared table by name.

    Raises:
        DeclarationError: see :func:`load`; or the folder holds no declarations; or two files
            declare the same name.
    """
    return _all_or_none(read_all(folder))


def read_all(folder: Path = FOLDER) -> Declared:
    """Every declared table of a folder, and why others cannot be used.

    Raises:
        DeclarationError: the folder holds no declarations.
    """
    tables: dict[str, Table] = {}
    faults: dict[str, DeclarationError] = {}
    files = sorted(folder.glob("*.yaml"))
    others = sorted(folder.glob("*.yml"))
    if not files and not others:
        where = "; start from the project's root" if folder == FOLDER else ""
        raise DeclarationError(
            f"expected the tables' declarations in {folder.absolute()}/*.yaml, found none{where}"
        )
    for path in others:
        faults[path.stem] = DeclarationError(f"{path}: expected a name in .yaml: rename it")
    for path in files:
        try:
            found, wrong = read_file(path)
        except DeclarationError as error:
            faults[path.stem] = error
            continue
        faults |= wrong
        for name, table in found.items():
            if name in tables:
                said = f"{table.place}: {name} is already declared in {tables[name].file}"
                faults[name] = DeclarationError(said)
            tables[name] = table
    # of two declarations of one name, neither is the one that is meant
    return Declared({name: t for name, t in tables.items() if name not in faults}, faults)


def load(path: Path) -> dict[str, Table]:
    """The tables of one file.

    Raises:
        DeclarationError: the file is not YAML, or a declaration has an unknown or missing key, an
            unknown method, or reference numbers that do not fit its rows and columns.
    """
    return _all_or_none(read_file(path))


class Declared(NamedTuple):
    """Tables by name, and by name why others cannot be used."""

    tables: dict[str, Table]
    faults: dict[str, DeclarationError]


def _all_or_none(found: Declared) -> dict[str, Table]:
    for error in found.faults.values():
        raise error
    return found.tables


def read_file(path: Path) -> Declared:
    """The tables of one file, and why others of it cannot be used; admits what a study brings.

    Raises:
        DeclarationError: nothing of the file can be used.
    """
    body = read_yaml(path, tuple(FILE), ("tables",))
    check_fields(str(path), body, FILE, "key")
    if ("paper" in body) == ("study" in body):
        raise DeclarationError(f"{path}: expected one of the keys 'paper' and 'study'")
    if "paper" in body and (more := [key for key in OF_STUDY if key in body]):
        where = place_of(str(path), body, more[0])
        raise DeclarationError(f"{where}: {more[0]} belongs to a study, and this is a paper's")
    admit(path, body)
    tables, figures = body["tables"], body.get("figures", {})
    if both := tables.keys() & figures.keys():
        raise DeclarationError(f"{path}: {sorted(both)} are declared as table and as figure")
    found = Declared({}, {})
    for among, make in ((tables, _table), (figures, _figure)):
        for name in among:
            try:
                found.tables[name] = make(name, path, body, among)
            except DeclarationError as error:
                found.faults[name] = error
    return found


def _figure(name: str, path: Path, file: Mapping[str, Any], among: Mapping[str, Any]) -> Table:
    """A picture without cells; ``settings`` (stored as ``fixed``) go to its drawing function."""
    spec, place = among[name], place_of(str(path), among, name)
    where, study = f"{place}: {name}", "study" in file
    check_fields(where, spec, FIGURE, "key")
    require(where, spec, ("figure",) if study else ("title", "source", "figure"))
    return Table(
        name=name,
        file=str(path),
        place=place,
        study=study,
        title=spec.get("title", name),
        caption=spec.get("caption", ""),
        source=_source(file, spec),
        kind=NO_CELLS,
        rows=(),
        columns=(),
        fixed=spec.get("settings", {}),
        figure=spec["figure"],
    )


def _source(file: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Paper and table, or the study."""
    parts = (file.get("paper") or file["study"], spec.get("source"))
    return ", ".join(part for part in parts if part)


# what a study may leave out: trainings, compared by their accuracy
_OF_STUDY: Mapping[str, Any] = {
    "kind": "train",
    "metric": "top1",
    "columns": [{"label": "Top-1", "set": {}}],
}


def _table(name: str, path: Path, file: Mapping[str, Any], among: Mapping[str, Any]) -> Table:
    spec, place = among[name], place_of(str(path), among, name)
    where, study = f"{place}: {name}", "study" in file
    check_fields(where, spec, TABLE, "key")
    if study:
        trains = spec.get("kind", "train") == "train"
        spec = overlaid(_OF_STUDY if trains else {}, spec)
    always = ("kind", "rows", "columns")
    require(where, spec, always if study else ("title", "source", *always))
    rows = read_axis(f"{where}: rows", spec["rows"], {})
    shared = {"metric": spec.get("metric"), "decimals": spec.get("decimals", 1)}
    columns = read_axis(f"{where}: columns", spec["columns"], shared)
    labels = [entry.label for entry in rows], [entry.label for entry in columns]
    if len(rows) * len(columns) > MOST_CELLS:
        raise DeclarationError(
            f"{where}: expected at most {MOST_CELLS:,} cells, found {len(rows):,} rows x "
            f"{len(columns):,} columns = {len(rows) * len(columns):,}"
        )
    return Table(
        name=name,
        file=str(path),
        place=place,
        study=study,
        seeds=file.get("seeds", SEEDS) if study else None,
        portable=file.get("portable", False),
        title=spec.get("title", name),
        caption=spec.get("caption", ""),
        source=_source(file, spec),
        kind=spec["kind"],
        rows=rows,
        columns=columns,
        fixed=spec.get("fixed", {}),
        unit=spec.get("unit", "%"),
        higher_is_better=spec.get("higher_is_better", True),
        compare=spec.get("compare", "rows"),
        tolerance=spec.get("tolerance"),
        tolerance_source=spec.get("tolerance_source", ""),
        tolerance_columns=_tolerance_columns(where, spec, labels[1]),
        reference=_reference(where, spec.get("reference", {}), rows, columns),
        gains=read_gains(where, spec.get("gains", ()), *labels),
        paired=read_paired(where, spec.get("paired"), labels[0]),
        footnotes=tuple(spec.get("footnotes", ())),
        skip=_skip(where, spec.get("skip", {}), rows, columns),
        figure=spec.get("figure", "dots"),
        pictures=spec.get("pictures"),
    )


def _tolerance_columns(
    where: str, spec: Mapping[str, Any], known: Sequence[str]
) -> tuple[str, ...]:
    """Labels of the columns that the tolerance holds for."""
    named = spec.get("tolerance_columns", ())
    check_keys(f"{where}: tolerance_columns", dict.fromkeys(named), known, "column")
    return tuple(named)


def _skip(
    where: str, spec: Any, rows: Sequence[Entry], columns: Sequence[Entry]
) -> frozenset[tuple[str, str]]:
    """Cells that are left empty: {row label: [column labels]}."""
    check_keys(f"{where}: skip", spec, [row.label for row in rows], "row")
    labels = [column.label for column in columns]
    for row, skipped in spec.items():
        check_keys(f"{where}: skip: {row}", dict.fromkeys(skipped), labels, "column")
    return frozenset((row, label) for row, skipped in spec.items() for label in skipped)


def _reference(
    where: str, spec: Any, rows: Sequence[Entry], columns: Sequence[Entry]
) -> dict[tuple[str, str], float]:
    """The paper's numbers: {row label: [one number or null per column]}."""
    labels = [row.label for row in rows]
    check_keys(f"{where}: reference", spec, labels, "row")
    numbers = {}
    for label, values in spec.items():
        if len(values) != len(columns):
            raise DeclarationError(
                f"{where}: reference: {label}: expected {len(columns)} numbers, one per column, "
                f"found {values!r}"
            )
        for column, value in zip(columns, values, strict=True):
            if value is not None:
                numbers[label, column.label] = float(value)
    return numbers
