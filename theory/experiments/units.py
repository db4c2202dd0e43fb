"""Units of an experiment: measured one after the other, each kept in a file of its own, so that a
run that is cut off goes on where it was.

The name of a unit's file is a digest of the experiment, its whole declaration and the unit: a
changed declaration measures anew.  The declaration's ``revision`` is raised by hand when code
changes what a unit measures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from mixlib.whole_files import write_whole

from .page import Page

KEPT = Path("results/theory")
Found = dict[str, float]
Report = Callable[[int, int], None]


class Unit(NamedTuple):
    """One measurement: a variant (a mask law, a network, a world, ...) and a seed."""

    variant: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Declaration:
    """What every experiment declares; each adds its own sizes.

    Attributes:
        seeds: number of repetitions, each with its own data, weights and masks.
        revision: raised by hand when a unit measures something else than before.
    """

    seeds: int = 8
    revision: int = 1


class Measured(NamedTuple):
    """A unit with what was found."""

    unit: Unit
    found: Found


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Attributes:
        name: of its target, paper_tables/<name>.
        declared: sizes, margins and seeds.
        units: of a declaration.
        measure: one unit.
        page: what a reader is told, computed from the measurements.
        draw: its picture.
    """

    name: str
    declared: Any
    units: Callable[[Any], Sequence[Unit]]
    measure: Callable[[Any, Unit], Found]
    page: Callable[[Any, list[Measured]], Page]
    draw: Callable[[Any, list[Measured]], Figure]

    def run(self, report: Report | None = None, kept: Path = KEPT) -> list[Measured]:
        """Measures every unit that is not kept yet."""
        units, found = list(self.units(self.declared)), []
        for k, unit in enumerate(units):
            path = kept / self.name / f"{self.address(unit)}.json"
            if not path.exists():
                body = {"unit": unit, "declared": asdict(self.declared)}
                write_whole(path, json.dumps({**body, "found": self.measure(self.declared, unit)}))
            found.append(Measured(unit, json.loads(path.read_text())["found"]))
            if report is not None:
                report(k + 1, len(units))
        return found

    def address(self, unit: Unit) -> str:
        """Name of a unit's file."""
        text = json.dumps([self.name, asdict(self.declared), unit], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def column(
    measured: Iterable[Measured], key: str, *variant: str, seeds: int | None = None
) -> list[float]:
    """One quantity of one variant, by seed.

    Args:
        variant: its first words; those left out match anything.
    """
    chosen = [one for one in measured if one.unit.variant[: len(variant)] == variant]
    return [
        one.found[key]
        for one in sorted(chosen, key=lambda one: one.unit.seed)
        if seeds is None or one.unit.seed < seeds
    ]
