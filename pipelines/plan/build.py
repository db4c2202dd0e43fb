"""The plan of every declared table at one scale, from the files of the repository or of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from mixlib.data.catalog import DATASETS
from pipelines.declare import scale, study, table
from pipelines.declare.errors import DeclarationError, check_keys
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table
from pipelines.plan import grid
from pipelines.plan.kinds import KINDS

REHEARSAL = "rehearsal"
"""The scale at which a study may be planned, too."""


def plan(name: str, folder: Path | None = None, plugins: Iterable[Path] = ()) -> grid.Plan:
    """The plan of all declared tables at a scale; one that cannot be planned is a fault of the plan
    and stops no other.

    Args:
        name: of the scale; a folder of one's own is planned at scale "own", as it is declared, or
            at scale "rehearsal", cut to a few steps.
        folder: of declarations of one's own, in the place of the papers'.
        plugins: files with methods of one's own.

    Raises:
        DeclarationError: a word of the scale is not known, a plugin cannot be used, or the folder
            holds no declarations.
    """
    study.admit_plugins(plugins)
    if folder is not None:
        return _plan_of_study(name, folder)
    if name == study.SCALE:
        raise DeclarationError(
            "scale own: expected a folder of declarations with it: --tables FOLDER (for Snakemake: "
            "--config tables=FOLDER)"
        )
    declared, chosen = table.read_all(), scale.load(name)
    _check_words((*declared.tables, *declared.faults), chosen)
    return grid.plan_each(declared.tables, chosen, declared.faults)


def plan_of(tables: Mapping[str, Table], chosen: Scale) -> grid.Plan:
    """The plan of these tables at this scale, whose words about tables must name one of them.

    Raises:
        DeclarationError: a word of a declaration or of the scale is not known.
    """
    _check_words(tables, chosen)
    return grid.plan(tables, chosen)


def _check_words(tables: Iterable[str], chosen: Scale) -> None:
    where, names = f"scale {chosen.name}", list(tables)
    check_keys(f"{where}: parts", chosen.parts, names, "table")
    check_keys(f"{where}: seeds_of", chosen.seeds_of, (*names, *KINDS), "table or kind")


def _plan_of_study(name: str, folder: Path) -> grid.Plan:
    if name not in (study.SCALE, REHEARSAL):
        raise DeclarationError(
            f"scale {name}: expected {study.SCALE} with a folder of your own (or {REHEARSAL}): its "
            "tables are planned as they are declared; write how long and how often into them"
        )
    if not folder.is_dir():
        raise DeclarationError(f"expected a folder of declarations, found none at {folder}")
    declared = table.read_all(folder)
    papers = {key: t for key, t in declared.tables.items() if not t.study}
    faults = declared.faults | {
        key: DeclarationError(f"{t.place}: {key}: expected a study, found a paper: say study: ...")
        for key, t in papers.items()
    }
    own = {key: t for key, t in declared.tables.items() if t.study}
    seeds = {key: t.seeds for key, t in own.items() if t.seeds is not None}
    portable = any(t.portable for t in own.values())
    chosen = scale.as_declared(seeds, portable)
    if name == REHEARSAL:
        mine = [row.name for row in DATASETS.values() if row.own]
        chosen = scale.cut_short(chosen, scale.load(REHEARSAL), mine)
    return grid.plan_each(own, chosen, faults)
