"""The catalog row of a mixing method: its name, citation, constructor and hyper-parameters.

Every file of :mod:`mixlib.methods` ends in one, ``ROW = Method(...)``;
:mod:`mixlib.catalog.methods` collects them.  Imports no torch: a constructor is named and resolved
when it is called.

``params`` holds keyword arguments per data family.  The alphas are those of the AutoMix paper's
appendix A.1 ("Reproduction settings"), which gives ResNet-18 its own value on some data: such a row
has a second entry, "<family>/small".  "default" is the method's own paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

from mixlib.core.arguments import checked
from mixlib.core.catalog import nearest
from mixlib.core.training_pipeline import MOMENTUM, TRAINING_PIPELINES

Family = Literal[
    "default",
    "cifar",
    "tiny",
    "imagenet",
    "inat",
    "fine",
    "places",
    "deit",
    "rsb",
    "generated",
]
FAMILIES: tuple[Family, ...] = Family.__args__  # type: ignore[attr-defined]
Params = Mapping[str, Any]
GIVEN = ("net", "spec", "steps", "seed", "rule")
"""Arguments of constructors that come from the builder, never from a user or a declaration."""


def resolve(path: str) -> Any:
    """The function or class at "module:name"."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class Method:
    """A catalog row.

    Attributes:
        name: the word that declarations, commands and tables use; the file has the same name.
        title: how a table prints it.
        build: the constructor of its policy (objective "once") or objective: a function of the
            row's own file, or "module:function".
        cite: authors, title, venue, arXiv number.
        year: of publication.
        params: keyword arguments of ``build`` by family; missing families take "default".
        needs: what it looks at beyond the batch: input_grad, features, attention, teacher.
        objective: "once" (one draw, one forward) or the name of an objective of its own.
        released: the fields of ``build`` in which the released code differs from the definition,
            with its values; None where no such variant is known.
        rule: its label rule where that is not the area's cross-entropy, named as ``build`` is;
            called with the loss to build on (``rule``) and the parameters in ``rule_params``.
        rule_params: the parameters of the method that are the label rule's.
        settings: function (params, rule) -> the dataclass that ``build`` takes as second argument,
            for objectives whose parameters are nested; named as ``build`` is.
        pipeline: the training pipeline that the method's definition includes.
        pipelines: every training pipeline that it can be trained in, see
            :mod:`mixlib.core.training_pipeline`.
        revision: raised by hand whenever its numbers change.
        status: "verified" against recordings of the reference implementation, or "defined" (from
            the paper's equations, with contract tests only).
        module: where the row was found; filled in by the catalog.

    Example:
        >>> from mixlib.catalog.methods import METHODS
        >>> METHODS["cutmix"].params_for("cifar")
        {'alpha': 0.2}
        >>> METHODS["hmix"].params_for(released=True)
        {'alpha': 1.0, 'ratio': 0.5, 'scope': 'batch', 'pairing': 'reverse'}
    """

    name: str
    title: str
    build: str
    cite: str
    year: int
    params: Mapping[str, Params] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    objective: str = "once"
    released: Params | None = None
    rule: str | None = None
    rule_params: tuple[str, ...] = ()
    settings: str | None = None
    pipeline: str = "none"
    pipelines: tuple[str, ...] = ("none", "ema", "mp", "mp_ce")
    revision: int = 1
    status: Literal["verified", "defined"] = "verified"
    module: str = ""

    def path(self, name: str | None = None) -> str:
        """ "module:function" of the constructor, or of another name of the row."""
        name = self.build if name is None else name
        return name if ":" in name else f"{self.module}:{name}"

    def params_for(
        self,
        family: str = "default",
        small: bool = False,
        pipeline: str | None = None,
        released: bool = False,
    ) -> dict[str, Any]:
        """Keyword arguments for a family of data.

        Args:
            family: of the dataset, or "deit", "rsb".
            small: a backbone of ResNet-18's size.
            pipeline: train in this pipeline; None is the method's own.
            released: as the released code has it, see :meth:`as_released`.

        Raises:
            KeyError: no such family, or the method is not trained in such a pipeline.
            ValueError: ``released`` is asked of a method that has no such variant.
        """
        if family not in FAMILIES:
            raise KeyError(nearest("data family", family, FAMILIES))
        keys = (f"{family}/small", family, "default") if small else (family, "default")
        found = dict(next((self.params[key] for key in keys if key in self.params), {}))
        if released:
            found = self.as_released(found)
        if pipeline is None or pipeline == self.pipeline:
            return found
        if pipeline not in self.pipelines:
            raise KeyError(nearest(f"pipeline of {self.name}", pipeline, self.pipelines))
        if not TRAINING_PIPELINES[pipeline].averaged:
            found.pop("momentum", None)
        elif family in MOMENTUM:
            found.setdefault("momentum", MOMENTUM[family])
        return {**found, "pipeline": pipeline}

    def as_released(self, params: Params) -> dict[str, Any]:
        """The same parameters, with the released code's values in the fields where it differs.

        Raises:
            ValueError: the method has no such variant.
        """
        if self.released is None:
            raise ValueError(
                f"{self.name}: no released variant is known, build it without released"
            )
        return {**params, **self.released}

    def split(self, params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters of the constructor, and those of the label rule."""
        of_rule = {key: value for key, value in params.items() if key in self.rule_params}
        return {k: v for k, v in params.items() if k not in of_rule}, of_rule

    def make(
        self,
        family: str = "default",
        small: bool = False,
        changes: Params = MappingProxyType({}),
        released: bool = False,
    ) -> Any:
        """Calls the constructor with the family's parameters (as released) and these changes."""
        params, _ = self.split({**self.params_for(family, small, released=released), **changes})
        return checked(resolve(self.path()))(**params)
