"""The plan of every declared table at one scale, from the files of the repository."""

from __future__ import annotations

from pipelines.declare import scale, table
from pipelines.declare.errors import check_keys
from pipelines.plan import grid
from pipelines.plan.kinds import KINDS


def plan(name: str) -> grid.Plan:
    """The plan of all declared tables at a scale.

    Raises:
        DeclarationError: a word of a declaration or of the scale is not known.
    """
    tables, chosen = table.load_all(), scale.load(name)
    check_keys(f"scale {name}: parts", chosen.parts, tables, "table")
    check_keys(f"scale {name}: seeds_of", chosen.seeds_of, (*tables, *KINDS), "table or kind")
    return grid.plan(tables, chosen)
