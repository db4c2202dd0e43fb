"""What does the catalog know about a mixing method?

A row of :mod:`mixlib.catalog.methods`.  Imports no torch: a constructor is named by "module:function" and
resolved when it is called.

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

from mixlib.core.catalog import nearest

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


@dataclass(frozen=True)
class Method:
    """A catalog row.

    Attributes:
        name: the word that declarations, commands and tables use.
        title: how a table prints it.
        build: "module:function" of the constructor of its policy (objective "once") or objective.
        cite: authors, title, venue, arXiv number.
        year: of publication.
        params: keyword arguments of ``build`` by family; missing families take "default".
        needs: what it looks at beyond the batch: input_grad, features, attention, teacher.
        objective: "once" (one draw, one forward) or the name of an objective of its own.
        rule: "module:function" of its label rule where that is not the area's cross-entropy; called
            with the loss to build on (``rule``) and ``released`` as the constructor's parameters
            say.
        pipelines: word of AutoMix's Table 10 ("mp", "mp_ce" ...) -> the row of this method in that
            training pipeline; such a row mixes as this one does.
        revision: raised by hand whenever its numbers change.
        status: "verified" against recordings of the reference implementation, or "defined" (from
            the paper's equations, with contract tests only).
    """

    name: str
    title: str
    build: str
    cite: str
    year: int
    params: Mapping[str, Params] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    objective: str = "once"
    rule: str | None = None
    pipelines: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1
    status: Literal["verified", "defined"] = "verified"

    def params_for(self, family: str = "default", small: bool = False) -> dict[str, Any]:
        """Keyword arguments for a family of data; ``small``: a backbone of ResNet-18's size.

        Raises:
            KeyError: no such family.
        """
        if family not in FAMILIES:
            raise KeyError(nearest("data family", family, FAMILIES))
        keys = (f"{family}/small", family, "default") if small else (family, "default")
        return dict(next((self.params[key] for key in keys if key in self.params), {}))

    def make(
        self, family: str = "default", small: bool = False, changes: Params = MappingProxyType({})
    ) -> Any:
        """Calls the constructor with the family's parameters and these changes."""
        module, function = self.build.split(":")
        return getattr(import_module(module), function)(
            **{**self.params_for(family, small), **changes}
        )
