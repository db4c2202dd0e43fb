"""The grid of jobs: (tables, scale) -> the jobs of every cell and everything they rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mixlib.catalog.methods import METHODS
from mixlib.core.catalog import nearest
from pipelines.declare.errors import DeclarationError
from pipelines.declare.scale import Scale
from pipelines.declare.schema import MOST_JOBS
from pipelines.declare.table import NO_CELLS, Table
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job, plain
from pipelines.plan.kinds import KINDS
from pipelines.plan.setting import Setting
from pipelines.plan.shorten import shorten


@dataclass(frozen=True)
class Cell:
    """One number of a table: a metric averaged over jobs that differ in their seed."""

    row: str
    column: str
    metric: str
    jobs: tuple[Job, ...]


def cells(
    table: Table, scale: Scale, setting: Callable[[str, Scale, int], Setting] = Setting
) -> tuple[Cell, ...]:
    """The cells of a table, row by row.

    Args:
        table, scale: what is declared.
        setting: (place for messages, scale, seed) -> how a cell's names are resolved.

    Raises:
        DeclarationError: a word of the declaration is not known.
    """
    if table.kind == NO_CELLS:
        return ()
    if table.kind not in KINDS:
        raise DeclarationError(f"{table.file}: {table.name}: {nearest('kind', table.kind, KINDS)}")
    kind = KINDS[table.kind]
    count = len(table.rows) * len(table.columns) * scale.runs(table.name, table.kind)
    if count > MOST_JOBS:
        raise DeclarationError(
            f"{table.file}: {table.name}: expected at most {MOST_JOBS:,} runs at scale "
            f"{scale.name}, found {len(table.rows):,} rows x {len(table.columns):,} columns x "
            f"{scale.runs(table.name, table.kind):,} seeds = {count:,}"
        )
    found = []
    for row in table.rows:
        for column in table.columns:
            if (row.label, column.label) in table.skip:
                continue
            where = f"{table.place or table.file}: {table.name}: ({row.label}, {column.label})"
            point = table.point(row, column)
            # a job in which no seed plays a part (a baseline without a network) counts once
            jobs = tuple(
                dict.fromkeys(
                    made(kind, point, replace(setting(where, scale, seed), point=point))
                    for seed in range(scale.runs(table.name, table.kind))
                )
            )
            metric = table.metric(row, column)
            if metric not in kind.metrics:
                what = f"metric of kind {table.kind}"
                raise DeclarationError(f"{where}: {nearest(what, metric, kind.metrics)}")
            found.append(Cell(row.label, column.label, metric, jobs))
    return tuple(found)


def made(kind: type[Job], point: Mapping[str, Any], setting: Setting) -> Job:
    """The job of a point, cut where the scale is a short one."""
    job = kind.build(point, setting)
    short = setting.scale.short
    return job if short is None else shorten(job, short)


def digest(table: Table, scale: Scale, found: Iterable[Cell], renderer: str = "") -> str:
    """Address of a table's content: all that it says, at which scale, and every job behind it.

    Args:
        table, scale: as declared.
        found: the cells.
        renderer: digest of the source that renders, and of whatever else a product shows.
    """
    declared = {field.name: getattr(table, field.name) for field in fields(table)}
    # where it was declared is not shown; what a part leaves out is
    del declared["file"], declared["place"], declared["whole"]
    declared |= {
        "left_out": table.left_out,
        "skip": sorted(table.skip),
        "reference": sorted(table.reference.items()),
        "gains": [vars(gain) for gain in table.gains],
    }
    shown = [plain(declared), scale.name, scale.title, scale.note, scale.compare, renderer]
    shown.append(list(scale.remarks))
    if table.kind == NO_CELLS:
        # no jobs stand for what it shows: its settings and the methods themselves do
        shown.append([[m.name, m.title, m.revision] for m in METHODS.values()])
    body = [[c.row, c.column, c.metric, [job.digest for job in c.jobs]] for c in found]
    text = json.dumps([shown, body], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """Everything that the declared tables need at one scale.

    ``faults``: the tables that cannot be planned, and why.
    """

    scale: Scale
    tables: Mapping[str, Table]
    cells: Mapping[str, tuple[Cell, ...]]
    jobs: Mapping[str, Job]
    faults: Mapping[str, DeclarationError] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Data]:
        """Every dataset that a job reads, by fingerprint."""
        return {data.fingerprint: data for job in self.jobs.values() for data in job.datasets}

    def of_kind(self, kind: str) -> dict[str, Job]:
        """Jobs of one kind by digest."""
        return {key: job for key, job in self.jobs.items() if job.kind == kind}

    @property
    def by_shards(self) -> dict[tuple[str, int], list[str]]:
        """Digests by kind and number of shards."""
        found: dict[tuple[str, int], list[str]] = {}
        for key, job in self.jobs.items():
            found.setdefault((job.kind, job.shards), []).append(key)
        return found

    def needed(self, table: str) -> list[Job]:
        """Jobs whose results a table reads, each once."""
        return list({job.digest: job for cell in self.cells[table] for job in cell.jobs}.values())

    def closure(self, *tables: str) -> dict[str, Job]:
        """Every job that these tables rest on, ancestors first, by digest."""
        jobs = (job for table in tables for job in self.needed(table))
        return {each.digest: each for job in jobs for each in job.closure()}

    def dataset(self, fingerprint: str) -> Data:
        """The dataset of a fingerprint.

        Raises:
            DeclarationError: no declared table reads it (any more).
        """
        if fingerprint not in self.data:
            raise DeclarationError(
                f"no declared table reads the dataset {fingerprint} at scale {self.scale.name}"
                f" (it reads {', '.join(self.data)}); if this was planned before, the declarations"
                " or the files have changed since: start it again"
            )
        return self.data[fingerprint]

    def fault_lines(self) -> list[str]:
        """What cannot be planned, a line each."""
        return [f"cannot be planned: {name}: {error}" for name, error in self.faults.items()]

    def known(self, table: str) -> str:
        """The name itself, or a DeclarationError that says why it cannot be planned, or names the
        nearest declared table."""
        if table in self.faults:
            raise self.faults[table]
        if table not in self.tables:
            raise DeclarationError(nearest("table", table, self.tables))
        return table

    def chosen(self, tables: Iterable[str] | None) -> list[str]:
        """These tables, each :meth:`known`; all that can be planned where none is named."""
        return [self.known(name) for name in tables or self.tables]

    def job(self, key: str) -> Job:
        """The job of a digest.

        Raises:
            DeclarationError: no declared table needs it (any more).
        """
        if key not in self.jobs:
            raise DeclarationError(
                f"no declared table needs the job {key!r} at scale {self.scale.name}: python -m "
                f"pipelines.run {self.scale.name} --list names those that are; a run that was "
                "planned before the declarations changed is started again"
            )
        return self.jobs[key]


def plan(tables: Mapping[str, Table], scale: Scale) -> Plan:
    """The closure over all cells of all tables, or of the parts of them that the scale measures.

    Raises:
        DeclarationError: a word of a declaration is not known.
    """
    found = plan_each(tables, scale)
    for error in found.faults.values():
        raise error
    return found


def plan_each(
    declared: Mapping[str, Table],
    scale: Scale,
    faults: Mapping[str, DeclarationError] | None = None,
) -> Plan:
    """As :func:`plan`; a table that cannot be planned fails alone.

    Args:
        declared, scale: what is declared.
        faults: by name, why other tables are no tables at all.
    """
    tables: dict[str, Table] = {}
    by_table: dict[str, tuple[Cell, ...]] = {}
    wrong = dict(faults or {})
    for name, table in declared.items():
        try:
            if name in scale.parts:
                table = table.part(f"scale {scale.name}: parts: {name}", scale.parts[name])
            by_table[name] = cells(table, scale)
        except DeclarationError as error:
            wrong[name] = error
        else:
            tables[name] = table
    jobs = {
        ancestor.digest: ancestor
        for found in by_table.values()
        for cell in found
        for job in cell.jobs
        for ancestor in job.closure()
    }
    return Plan(scale, tables, by_table, jobs, wrong)
