"""The setting of a cell: names of datasets, networks, methods and recipes resolved to job fields at
a scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from mixlib.catalog.methods import METHODS
from mixlib.core.catalog import nearest
from mixlib.core.hyperparameters import merged
from mixlib.core.method import FAMILIES
from mixlib.core.module_file import file_hash, module_file, top_level_names
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.catalog import DATASETS, Dataset
from mixlib.models.backbones import BACKBONES
from mixlib.training.recipes import METHOD_FAMILIES, RECIPES, Recipe
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.data.places import MissingDataError
from pipelines.declare.errors import DeclarationError, require
from pipelines.declare.mapping import place_of
from pipelines.declare.scale import Scale
from pipelines.declare.schema import AUGMENTATION, CELL, RECIPE
from pipelines.declare.values import check_fields
from pipelines.plan.inputs import Data, Row
from pipelines.plan.method_parameters import parameters
from pipelines.plan.weights import identify

T = TypeVar("T")


def pairs(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """A mapping as sorted pairs that a frozen job can hold; lists become tuples, mappings pairs."""

    def frozen(value: Any) -> Any:
        if isinstance(value, Mapping):
            return pairs(value)
        return tuple(value) if isinstance(value, list) else value

    return tuple((key, frozen(value)) for key, value in sorted(values.items()))


def unpaired(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The mapping of :func:`pairs`, mappings inside it included.

    >>> unpaired(pairs({"alpha": 2.0, "block": {"init": 1.0}}))
    {'alpha': 2.0, 'block': {'init': 1.0}}
    """

    def is_pairs(value: Any) -> bool:
        return (
            isinstance(value, tuple)
            and bool(value)
            and all(isinstance(v, tuple) and len(v) == 2 and isinstance(v[0], str) for v in value)
        )

    return {key: unpaired(value) if is_pairs(value) else value for key, value in values}


@dataclass(frozen=True)
class Setting:
    """One scale and one seed, seen from one cell of a table.

    Attributes:
        where: file, table and cell, for messages.
        scale: the scale.
        seed: the seed of the run.
        fingerprints: dataset -> fingerprint, for the sets that are identified by their files: those
            that a finished run has read, wherever that was; None: the files on this machine.
        point: the declared fields of the cell, which know their lines.
    """

    where: str
    scale: Scale
    seed: int
    fingerprints: Mapping[str, str] | None = None
    point: Mapping[str, Any] = field(default_factory=dict)

    def at(self, key: str) -> str:
        """What leads to a field of the cell, in a message."""
        return place_of(self.where, self.point, key)

    def check(self, point: Mapping[str, Any], known: Iterable[str], needed: Iterable[str]) -> None:
        """Refuses unknown or missing fields of a cell, and values of another type or range."""
        check_fields(self.where, point, {name: CELL[name] for name in known})
        require(self.where, point, needed)

    def look_up(self, what: str, name: str, catalog: Mapping[str, T]) -> T:
        """A catalog's row, or a DeclarationError that names the nearest word."""
        if name not in catalog:
            raise DeclarationError(f"{self.where}: {nearest(what, str(name), catalog)}")
        return catalog[name]

    def data(self, name: str, recipe: str = "") -> Data:
        """The dataset that stands for the paper's ``name``, in a training by ``recipe``."""
        self.look_up("dataset", name, DATASETS)
        stand_in = self.scale.stand_in(name, recipe)
        chosen = stand_in.get("name", name)
        row = self.look_up("dataset", chosen, DATASETS)
        spec = pairs(stand_in.get("spec", {}))
        try:
            identity = self.identity(row, spec)
        except (ValueError, MissingDataError) as error:
            raise DeclarationError(f"{self.at('data')}: {error}") from None
        train_cap = stand_in.get("train_cap", row.train_images or None)
        caps = train_cap, stand_in.get("test_cap"), row.held_out or None
        return Data(row.name, identity, spec, *caps)

    def identity(self, row: Dataset, spec: tuple[tuple[str, Any], ...]) -> str:
        """The fingerprint of a dataset; "" where it is asked of ``fingerprints``, which lack it."""
        if self.fingerprints is not None and row.identity == "measured":
            return self.fingerprints.get(row.name, "")
        return _fingerprint(row.name, spec)

    def backbone(self, name: str, data: str) -> Row:
        """The network that stands for the paper's on the paper's dataset ``data``."""
        self.look_up("backbone", name, BACKBONES)
        row = self.look_up("backbone", self.scale.backbone(name, data), BACKBONES)
        own, _, function = row.name.partition(":") if row.family == "own" else ("", "", "")
        return Row(row.name, row.revision, source=self.source("backbone", own, function))

    def source(self, key: str, module: str, function: str = "") -> str:
        """The hash of the file of a module of the user's own, which has to hold the function, if
        one is asked for; "" of none."""
        if not module:
            return ""
        try:
            path = module_file(module)
        except LookupError as error:
            raise DeclarationError(f"{self.at(key)}: {error}") from None
        names = top_level_names(path) if function else None
        if names is not None and function not in names:
            raise DeclarationError(
                f"{self.at(key)}: expected a function {function!r} in {path}, found "
                f"{', '.join(sorted(names)) or 'none'}"
            )
        return file_hash(path)

    def method(
        self,
        name: str,
        data: str,
        small: bool,
        changes: Mapping[str, Any] | None = None,
        pipeline: str | None = None,
        recipe: str = "",
    ) -> Row:
        """A method with the parameters of the paper's dataset, or of the scale's own family.

        ``small``: the network is of ResNet-18's size, for which AutoMix A.1 has alphas of its own.
        ``pipeline``: train it in that pipeline of AutoMix's Table 10, see
        :mod:`mixlib.core.training_pipeline`.
        """
        row = self.look_up("method", name, METHODS)
        # a recipe may have parameters of its own, whatever the dataset
        family = self.scale.family or METHOD_FAMILIES.get(recipe, DATASETS[data].family)
        # a set that no paper tuned anything for: each method's own paper
        family = family if family in FAMILIES else "default"
        try:
            params = row.params_for(family, small, pipeline)
        except KeyError as error:
            raise DeclarationError(f"{self.where}: {error.args[0]}") from None
        chosen = DATASETS[self.data(data, recipe).name]
        # a method that undoes the normalization must undo that of the data in use
        params |= {key: getattr(chosen, key) for key in ("mean", "std") if key in params}
        known = parameters(row)
        if self.scale.lambda_per is not None and row.settings is None and "scope" in known:
            params["scope"] = self.scale.lambda_per
        check_fields(f"{self.where}: params", changes or {}, known, f"parameter of {row.name}")
        own = "" if row.module.startswith("mixlib.methods.") else row.module
        values = pairs(merged(params, changes or {}))
        return Row(row.name, row.revision, values, self.source("method", own))

    def weights(self, name: str | None, network: Row) -> Row | None:
        """The published weights of a name for a network; None starts from random ones."""
        if name is None:
            return None
        try:
            return identify(name, network.name)
        except (ValueError, FileNotFoundError) as error:
            raise DeclarationError(f"{self.where}: weights: {error}") from None

    def recipe(self, name: str, changes: Mapping[str, Any]) -> Recipe:
        """A recipe with some fields changed."""
        row = self.look_up("recipe", name, RECIPES)
        check_fields(self.where, changes, RECIPE, "recipe field")
        return dataclasses.replace(row, **changes)

    def augment(
        self, name: str, changes: Mapping[str, Any], size: int | None = None
    ) -> tuple[tuple[str, Any], ...]:
        """An augmentation's every setting, some changed; ``size``: in proportion for images of
        this size."""
        self.look_up("augmentation", name, AUGMENTS)
        check_fields(self.where, changes, AUGMENTATION, "augmentation field")
        changed = pairs(changes)
        try:
            # 1 and 1.0 are equal and written differently: a text tells them apart
            return _augmented(name, size, changed, repr(changed))
        except ValueError as error:
            raise DeclarationError(f"{self.where}: augmentation: {error}") from None


@cache
def _augmented(
    name: str, size: int | None, changes: tuple[tuple[str, Any], ...], text: str
) -> tuple[tuple[str, Any], ...]:
    """Every setting of an augmentation for images of a size, some changed; ``text`` spells the
    changes."""
    row = AUGMENTS[name] if size is None else AUGMENTS[name].resized(size)
    return pairs(dataclasses.asdict(dataclasses.replace(row, **dict(changes))))


@cache
def _fingerprint(name: str, spec: tuple[tuple[str, Any], ...]) -> str:
    """A dataset's identity; asked once per process, because a measured one lists files."""
    row = DATASETS[name]
    return fingerprint(row, specify(row, dict(spec)))
