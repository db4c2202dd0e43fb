"""Scales: how large a run is, as opposed to where it runs (that is a Snakemake profile).

``demo`` runs on generated data in minutes, ``small`` on small real sets, ``paper`` is the papers'.
A scale says which dataset and network stand in for the paper's, how many seeds there are, and
which settings differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mixlib.core.catalog import nearest
from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import BACKBONES
from pipelines.declare.errors import DeclarationError
from pipelines.declare.mapping import overlaid, place_of
from pipelines.declare.schema import SCALE
from pipelines.declare.study import SCALE as SCALE_OF_STUDIES
from pipelines.declare.values import check_fields
from pipelines.declare.yaml_file import read_yaml

FOLDER = Path(__file__).parents[1] / "scales"
TESTED = 8
"""Test images of a study's own dataset that a rehearsal looks at."""


@dataclass(frozen=True)
class Short:
    """How far trainings are cut, see :mod:`pipelines.plan.shorten`.

    Attributes:
        epochs: of a training, whatever its recipe and its table's ``length`` say.
        steps: of an epoch; of a fine-tuning in all.
        images: of a shard in a step.
    """

    epochs: int
    steps: int
    images: int


@dataclass(frozen=True)
class Scale:
    """A scale.

    Attributes:
        name: the value of ``--config scale=``.
        title, note: for headers: what the numbers are, and are not.
        remarks: lines under every table.
        seeds: how many runs a cell averages.
        seeds_of: table or kind of job -> how many, where it differs.
        portable: whether its jobs give the same bits on every x86 processor
            (:mod:`pipelines.portable_bits`).
        compare: whether differences to the paper may be shown.
        family: whose method parameters are used; None: those of the paper's dataset.
        lambda_per: "batch" or "sample", for the methods that can draw lambda either way; None: as
            their papers define it, for each sample.
        data: the paper's dataset -> {"name": stand-in, "spec": ..., "train_cap": ..., "test_cap":
            ...}; "<dataset>/<recipe>" for trainings by one recipe only.
        backbones: the paper's network -> stand-in; "<dataset>/<network>" for one dataset only.
        parts: table -> {"rows": labels, "columns": labels} of those of its cells that are measured,
            where they are not all.
        kinds: kind of job -> {"default", the paper's dataset or a recipe -> settings that differ};
            a dataset's are laid over the default's, a recipe's over both.
        short: how far trainings are cut; None: not at all.
    """

    name: str
    title: str
    note: str
    seeds: int
    seeds_of: Mapping[str, int] = field(default_factory=dict)
    portable: bool = False
    compare: bool = False
    family: str | None = None
    lambda_per: str | None = None
    remarks: Sequence[str] = ()
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    backbones: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    short: Short | None = None

    def settings(self, kind: str, data: str, recipe: str = "") -> dict[str, Any]:
        """Settings of a kind of job on the paper's dataset ``data``, by a recipe where it has one,
        that differ from the paper's."""
        sections = self.kinds.get(kind, {})
        return overlaid(*(sections.get(name, {}) for name in ("default", data, recipe)))

    def runs(self, *names: str) -> int:
        """How many runs a cell averages: what ``seeds_of`` says of the first name that it holds."""
        return next((self.seeds_of[name] for name in names if name in self.seeds_of), self.seeds)

    def stand_in(self, data: str, recipe: str = "") -> Mapping[str, Any]:
        """What stands for the paper's dataset, in a training by a recipe where one is named."""
        return self.data.get(f"{data}/{recipe}", self.data.get(data, {}))

    def backbone(self, name: str, data: str) -> str:
        """The network that stands for the paper's on the paper's dataset ``data``."""
        return self.backbones.get(f"{data}/{name}", self.backbones.get(name, name))


def as_declared(seeds: Mapping[str, int], portable: bool = False) -> Scale:
    """The scale of studies of one's own: nothing stands in for anything.

    Args:
        seeds: table -> how many runs a cell averages.
        portable: whether the runs give the same bits on every x86 processor.
    """
    return Scale(SCALE_OF_STUDIES, "as declared", "", seeds=1, seeds_of=seeds, portable=portable)


def cut_short(study: Scale, short: Scale, own: Iterable[str]) -> Scale:
    """A study's scale with its trainings cut as a short scale has it, one run a cell.

    Args:
        study: as declared.
        short: says how far, and what stands in for the catalog's datasets.
        own: datasets of the study's own: nothing stands in for them, few of their test images are
            looked at.
    """
    few = {name: {"test_cap": TESTED} for name in own}
    return replace(
        study,
        name=short.name,
        title=short.title,
        note=short.note,
        seeds_of={},
        data={**short.data, **few},
        kinds=short.kinds,
        short=short.short,
    )


def names(folder: Path = FOLDER) -> list[str]:
    """The declared scales."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(name: str, folder: Path = FOLDER) -> Scale:
    """A scale by name.

    Raises:
        DeclarationError: no such scale, or its file has an unknown or missing key, or a value of
            another type or range than :data:`pipelines.declare.schema.SCALE` says.
    """
    if name not in names(folder):
        raise DeclarationError(nearest("scale", name, names(folder)))
    path = folder / f"{name}.yaml"
    body = read_yaml(path, tuple(SCALE), ("title", "note", "seeds"))
    check_fields(str(path), body, SCALE, "key")
    for key in body.get("backbones", {}):
        data, _, network = key.rpartition("/")
        where = place_of(f"{path}: backbones", body["backbones"], key)
        if data and data not in DATASETS:
            raise DeclarationError(f"{where}: {nearest('dataset', data, DATASETS)}")
        if network not in BACKBONES:
            raise DeclarationError(f"{where}: {nearest('backbone', network, BACKBONES)}")
    base = body.pop("base", None)
    if "short" in body:
        body["short"] = Short(**body["short"])
    if base is None:
        return Scale(name=name, **body)
    if base == name:
        raise DeclarationError(f"{path}: base: expected another scale, found {base!r} itself")
    return derived(load(base, folder), name, body)


def derived(base: Scale, name: str, body: Mapping[str, Any]) -> Scale:
    """A scale with what another one says more or otherwise; mappings are laid over each other, the
    settings of a kind section by section.

    Example:
        >>> paper = Scale("paper", "paper", "", 3, kinds={"train": {"default": {"lr": 0.1}}})
        >>> changes = {"seeds": 1, "kinds": {"train": {"default": {"epochs": 2}}}}
        >>> found = derived(paper, "mine", changes)
        >>> found.seeds, found.settings("train", "cifar10")
        (1, {'lr': 0.1, 'epochs': 2})
    """
    kinds = {
        kind: {
            section: overlaid(
                base.kinds.get(kind, {}).get(section, {}),
                body.get("kinds", {}).get(kind, {}).get(section, {}),
            )
            for section in (*base.kinds.get(kind, {}), *body.get("kinds", {}).get(kind, {}))
        }
        for kind in (*base.kinds, *body.get("kinds", {}))
    }
    laid = {
        key: overlaid(getattr(base, key), body.get(key, {}))
        for key in ("seeds_of", "data", "backbones", "parts")
    }
    return replace(base, name=name, **{**body, **laid, "kinds": kinds})
