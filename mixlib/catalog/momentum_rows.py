"""Which rows of the method catalog train in AutoMix's momentum pipeline, or are AutoMix without
it?  Imports no torch.

AutoMix, Table 10, crosses methods with pipelines; ``Method.pipelines`` of Mixup, CutMix and AutoMix
names the row for each of its words:

    "none"   one network, one mixed batch          "mp0"    momentum pipeline with m = 0: k is q
    "mp"     momentum pipeline                     "mp_ce"  the same, and the CE on clean samples
    "ema"    weight averaging alone (ours)
"""

from __future__ import annotations

from typing import Any

from mixlib.core.hyperparameters import alphas
from mixlib.core.method import Method, Params

_ASSEMBLE = "mixlib.methods.automix.build"
_CITE = (
    "Liu et al., AutoMix: Unveiling the Power of Mixup for Stronger Classifiers, ECCV 2022, "
    "arXiv:2103.13027"
)
# runs of a few hundred steps: an average over the last fifty
_SHORT = 0.98
MIXUP_ALPHAS = alphas(1.0, cifar=1.0, large=1.0, fine=1.0, inat=0.2)
CUTMIX_ALPHAS = alphas(1.0, cifar=0.2, large=1.0, fine=1.0)
_BLOCK: dict[str, Params] = {
    "default": {"preset": "paper", "site": "stage3", "alpha": 2.0},
    # a map of 8 x 8 cells with 32 channels, and a few hundred steps: see docs/automix.md
    "generated": {
        **{"preset": "paper", "site": "stage2", "alpha": 2.0},
        **{"init": 1.0, "init_value": 0.4},
        **{"gamma": 20.0, "gamma_shape": "constant", "variance": 0.18},
    },
}


def _averaged(rows: dict[str, Params], **words: Any) -> dict[str, Params]:
    """The same parameters and some more, with the average of short runs on generated data."""
    rows = {**rows, "generated": {**rows["generated"], "momentum": _SHORT}}
    return {family: {**params, **words} for family, params in rows.items()}


def _row(name: str, title: str, build: str, params: dict[str, Params], **more: Any) -> Method:
    """A row whose constructor is in ``mixlib.methods.automix.build``."""
    more = {"objective": build, "status": "defined", **more}
    return Method(name, title, f"{_ASSEMBLE}:{build}", _CITE, 2022, params, **more)


_WITHOUT_AVERAGE: dict[str, Any] = {"momentum": 0.0, "momentum_end": 0.0, "one_hot": False}

ROWS = (
    _row(
        "automix",
        "AutoMix",
        "automix",
        _averaged(_BLOCK),
        status="verified",
        pipelines={
            "none": "automix_joint",
            "mp0": "automix_mp0",
            "mp": "automix_mp",
            "mp_ce": "automix",
        },
    ),
    _row("automix_joint", "AutoMix without MP", "joint", _BLOCK),
    _row(
        "automix_mp0",
        "AutoMix, MP (m = 0)",
        "automix",
        {family: {**params, **_WITHOUT_AVERAGE} for family, params in _BLOCK.items()},
    ),
    _row("automix_mp", "AutoMix without CE", "automix", _averaged(_BLOCK, one_hot=False)),
    _row(
        "mixup_ema",
        "Mixup + EMA",
        "mixup_momentum",
        _averaged(MIXUP_ALPHAS, statistics="ema"),
    ),
    _row("mixup_mp", "Mixup + MP", "mixup_momentum", _averaged(MIXUP_ALPHAS)),
    _row(
        "mixup_mp_ce",
        "Mixup + MP + CE",
        "mixup_momentum",
        _averaged(MIXUP_ALPHAS, one_hot=True, report="k-one"),
    ),
    _row("cutmix_mp", "CutMix + MP", "cutmix_momentum", _averaged(CUTMIX_ALPHAS)),
    _row(
        "cutmix_mp_ce",
        "CutMix + MP + CE",
        "cutmix_momentum",
        _averaged(CUTMIX_ALPHAS, one_hot=True, report="k-one"),
    ),
)
