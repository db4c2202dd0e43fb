"""The plan of every declared table at one scale, from the files of the repository."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.declare import scale, table
from pipelines.declare.errors import check_keys
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table
from pipelines.plan import grid
from pipelines.plan.kinds import KINDS


def plan(name: str) -> grid.Plan:
    """The plan of all declared tables at a scale.

    Raises:
        DeclarationError: a word of a declaration or of the scale is not known.
    """
    return plan_of(table.load_all(), scale.load(name))


def plan_of(tables: Mapping[str, Table], chosen: Scale) -> grid.Plan:
    """The plan of these tables at this scale, whose words about tables must name one of them.

    Raises:
        DeclarationError: as of :func:`plan`.
    """
    where = f"scale {chosen.name}"
    check_keys(f"{where}: parts", chosen.parts, tables, "table")
    check_keys(f"{where}: seeds_of", chosen.seeds_of, (*tables, *KINDS), "table or kind")
    return grid.plan(tables, chosen)
