"""Scales: how large a run is, as opposed to where it runs (that is a Snakemake profile).

``demo`` runs on generated data in minutes, ``small`` on small real sets, ``paper`` is the papers'.
A scale says which dataset and network stand in for the paper's, how many seeds there are, and
which settings differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mixlib.core.catalog import nearest
from pipelines.declare.errors import DeclarationError, check_keys, require

FOLDER = Path(__file__).parents[1] / "scales"
KEYS = {
    "title",
    "note",
    "seeds",
    "seeds_of",
    "compare",
    "family",
    "data",
    "backbones",
    "kinds",
    "parts",
}


@dataclass(frozen=True)
class Scale:
    """A scale.

    Attributes:
        name: the value of ``--config scale=``.
        title, note: for headers: what the numbers are, and are not.
        seeds: how many runs a cell averages.
        seeds_of: table or kind of job -> how many, where it differs.
        compare: whether differences to the paper may be shown.
        family: whose method parameters are used; None: those of the paper's dataset.
        data: the paper's dataset -> {"name": stand-in, "spec": ..., "train_cap": ..., "test_cap":
            ...}.
        backbones: the paper's network -> stand-in; "<dataset>/<network>" for one dataset only.
        parts: table -> {"rows": labels, "columns": labels} of those of its cells that are measured,
            where they are not all.
        kinds: kind of job -> {"default" or the paper's dataset -> settings that differ}.
    """

    name: str
    title: str
    note: str
    seeds: int
    seeds_of: Mapping[str, int] = field(default_factory=dict)
    compare: bool = False
    family: str | None = None
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    backbones: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def settings(self, kind: str, data: str) -> dict[str, Any]:
        """Settings of a kind of job on the paper's dataset ``data`` that differ from the
        recipe's."""
        sections = self.kinds.get(kind, {})
        return {**sections.get("default", {}), **sections.get(data, {})}

    def runs(self, *names: str) -> int:
        """How many runs a cell averages: what ``seeds_of`` says of the first name that it holds."""
        return next((self.seeds_of[name] for name in names if name in self.seeds_of), self.seeds)

    def backbone(self, name: str, data: str) -> str:
        """The network that stands for the paper's on the paper's dataset ``data``."""
        return self.backbones.get(f"{data}/{name}", self.backbones.get(name, name))


def names(folder: Path = FOLDER) -> list[str]:
    """The declared scales."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(name: str, folder: Path = FOLDER) -> Scale:
    """A scale by name.

    Raises:
        DeclarationError: no such scale, or its file has an unknown or missing key.
    """
    path = folder / f"{name}.yaml"
    if not path.exists():
        raise DeclarationError(nearest("scale", name, names(folder)))
    try:
        body = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path}: not valid YAML: {error}") from None
    check_keys(str(path), body, KEYS)
    require(str(path), body, ("title", "note", "seeds"))
    for data, stand_in in body.get("data", {}).items():
        check_keys(f"{path}: data: {data}", stand_in, {"name", "spec", "train_cap", "test_cap"})
    return Scale(name=name, **body)
