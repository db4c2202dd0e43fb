"""Which rows of the method catalog mix tokens, or take labels from what a network sees?

Imports no torch.
"""

from __future__ import annotations

from mixlib.core.hyperparameters import same
from mixlib.core.method import Method

_BY_LAW = "mixlib.core.policy"
_LABELS = "mixlib.methods.tokenlabel"
_TOKENMIX = (
    "Liu et al., TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers, "
    "ECCV 2022, arXiv:2207.08409"
)
_JIANG = (
    "Jiang et al., All Tokens Matter: Token Labeling for Training Better Vision Transformers, "
    "NeurIPS 2021, arXiv:2104.10858"
)

ROWS = (
    Method(
        "random_tokens",
        "Random tokens",
        f"{_BY_LAW}:random_tokens",
        _TOKENMIX,
        2022,
        same(alpha=1.0),
        status="defined",
    ),
    Method(
        "token_blocks",
        "TokenMix masks, label by area",
        f"{_BY_LAW}:token_blocks",
        _TOKENMIX,
        2022,
        same(alpha=1.0),
    ),
    Method(
        "tokenmix",
        "TokenMix",
        "mixlib.methods.tokenmix:tokenmix",
        _TOKENMIX,
        2022,
        same(alpha=1.0),
        frozenset({"attention"}),
    ),
    Method(
        "transmix",
        "TransMix",
        "mixlib.methods.stochastic:stochastic",
        "Chen et al., TransMix: Attend to Mix for Vision Transformers, CVPR 2022, arXiv:2111.09833",
        2022,
        same(mixup=0.8, cutmix=1.0, switch=0.8, mode="batch"),
        frozenset({"attention"}),
        rule="mixlib.methods.transmix:transmix",
    ),
    Method(
        "relabel",
        "ReLabel + CutMix",
        "mixlib.methods.relabel:relabel",
        "Yun et al., Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized "
        "Labels, CVPR 2021, arXiv:2101.05022",
        2021,
        same(alpha=1.0),
        frozenset({"teacher"}),
    ),
    Method(
        "tokenlabel",
        "TokenLabeling",
        f"{_LABELS}:tokenlabel",
        _JIANG,
        2021,
        needs=frozenset({"teacher"}),
        objective="tokenlabel",
    ),
    Method(
        "mixtoken",
        "MixToken",
        f"{_LABELS}:mixtoken",
        _JIANG,
        2021,
        same(alpha=1.0),
        frozenset({"teacher"}),
        objective="mixtoken",
        status="defined",
    ),
)
