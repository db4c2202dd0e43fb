"""Which mixing methods are there, who wrote them, and how are they set for which data?

The catalogue: one row per method, read by tables, tests, benchmarks and documentation.  Imports no
torch: a constructor is named by "module:function" and resolved when it is called.

``params`` holds keyword arguments per data family.  The alphas are those of the AutoMix paper's
appendix A.1 ("Reproduction settings"), which gives ResNet-18 its own value on some data: such a row
has a second entry, "<family>/small".  "default" is the method's own paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

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
    """A catalogue row.

    Attributes:
        name: the word that declarations, commands and tables use.
        title: how a table prints it.
        build: "module:function" of the constructor of its policy (objective "once") or objective.
        cite: authors, title, venue, arXiv number.
        year: of publication.
        params: keyword arguments of ``build`` by family; missing families take "default".
        needs: what it looks at beyond the batch: input_grad, features, attention, teacher.
        objective: "once" (one draw, one forward) or the name of an objective of its own.
        rule: "module:function" of its label rule where that is not the area's cross-entropy.
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
    revision: int = 1
    status: Literal["verified", "defined"] = "verified"

    def params_for(self, family: str = "default", small: bool = False) -> dict[str, Any]:
        """Keyword arguments for a family of data; ``small``: a backbone of ResNet-18's size.

        Raises:
            KeyError: no such family.
        """
        if family not in FAMILIES:
            raise KeyError(_unknown("data family", family, FAMILIES))
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


def _unknown(kind: str, word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {word!r}{hint} Known: {', '.join(known)}"


def _alphas(
    default: float,
    *,
    cifar: float,
    large: float,
    fine: float,
    inat: float | None = None,
    rest: float = 0.2,
) -> dict[str, Params]:
    """The appendix' pattern: ``large`` on Tiny-ImageNet and ImageNet with 0.2 for ResNet-18, the
    same on iNaturalist unless ``inat`` says otherwise, ``rest`` for Places205, DeiT and RSB."""
    rows = {"default": default, "cifar": cifar, "generated": cifar, "fine": fine}
    rows |= dict.fromkeys(("tiny", "imagenet"), large)
    rows |= dict.fromkeys(("tiny/small", "imagenet/small"), min(large, 0.2))
    rows |= {"inat": inat or large, "inat/small": 0.2}
    rows |= dict.fromkeys(("places", "deit", "rsb"), rest)
    return {key: {"alpha": alpha} for key, alpha in rows.items()}


_CIFAR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
# OpenMixup's ImageNet settings: grids up to 8, cells transported whole, seams over 2 pixels
_PUZZLE_LARGE = {**_IMAGENET, "blocks": (2, 4, 8), "cell": None, "neighbour": 2}
_LARGE = ("imagenet", "inat", "fine", "places", "deit", "rsb")
_BY_LAW = "mixlib.policies.by_law"

ROWS = (
    Method(
        "vanilla",
        "Vanilla",
        f"{_BY_LAW}:vanilla",
        "No mixing: empirical risk minimisation",
        1998,
        status="defined",
    ),
    Method(
        "mixup",
        "Mixup",
        f"{_BY_LAW}:mixup",
        "Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv:1710.09412",
        2018,
        _alphas(1.0, cifar=1.0, large=1.0, fine=1.0, inat=0.2),
    ),
    Method(
        "cutmix",
        "CutMix",
        f"{_BY_LAW}:cutmix",
        "Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable "
        "Features, ICCV 2019, arXiv:1905.04899",
        2019,
        _alphas(1.0, cifar=0.2, large=1.0, fine=1.0),
    ),
    Method(
        "puzzlemix",
        "PuzzleMix",
        "mixlib.policies.puzzle:puzzlemix",
        "Kim et al., Puzzle Mix: Exploiting Saliency and Local Statistics for Optimal Mixup, "
        "ICML 2020, arXiv:2009.06962",
        2020,
        {
            "default": {"alpha": 1.0, **_CIFAR},
            "tiny": {"alpha": 1.0, **_IMAGENET},
            # coarse grids only: the finer ones would cost more than the narrow networks' own step
            "generated": {"alpha": 1.0, **_CIFAR, "blocks": (2, 4)},
            **{key: {"alpha": 1.0, **_PUZZLE_LARGE} for key in _LARGE},
        },
        frozenset({"input_grad"}),
    ),
    Method(
        "resizemix",
        "ResizeMix",
        "mixlib.policies.resize_box:resizemix",
        "Qin et al., ResizeMix: Mixing Data with Preserved Object Information and True Labels, "
        "2020, arXiv:2012.11101",
        2020,
        {**_alphas(1.0, cifar=1.0, large=1.0, fine=1.0), "default": {"alpha": None}},
    ),
    Method(
        "automix",
        "AutoMix",
        "mixlib.automix.assemble:automix",
        "Liu et al., AutoMix: Unveiling the Power of Mixup for Stronger Classifiers, ECCV 2022, "
        "arXiv:2103.13027",
        2022,
        {
            "default": {"preset": "paper", "site": "stage3", "alpha": 2.0},
            # runs of a thousand steps: an average over the last hundred, and a map of 8 x 8 cells
            "generated": {"preset": "paper", "site": "stage2", "alpha": 2.0, "momentum": 0.98},
        },
        objective="automix",
    ),
)
METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in ROWS})


def method(name: str) -> Method:
    """The row of a method.

    Raises:
        KeyError: no such method; the message names the nearest one and lists all.
    """
    if name not in METHODS:
        raise KeyError(_unknown("method", name, tuple(METHODS)))
    return METHODS[name]
