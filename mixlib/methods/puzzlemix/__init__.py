"""PuzzleMix (Kim et al., ICML 2020): cells by saliency, moved by optimal transport."""

from __future__ import annotations

from mixlib.core.hyperparameters import CIFAR, IMAGENET, LARGE
from mixlib.core.method import Method
from mixlib.methods.puzzlemix.policy import Puzzle, puzzlemix

__all__ = ["Puzzle", "puzzlemix"]

# OpenMixup's ImageNet settings: grids up to 8, cells transported whole, seams over 2 pixels
_LARGE = {"std": IMAGENET["std"], "blocks": (2, 4, 8), "cell": None, "neighbor": 2}

ROW = Method(
    "puzzlemix",
    "PuzzleMix",
    "puzzlemix",
    "Kim et al., Puzzle Mix: Exploiting Saliency and Local Statistics for Optimal Mixup, "
    "ICML 2020, arXiv:2009.06962",
    2020,
    {
        "default": {"alpha": 1.0, "std": CIFAR["std"]},
        "tiny": {"alpha": 1.0, "std": IMAGENET["std"]},
        # coarse grids only: the finer ones would cost more than the narrow networks' own step
        "generated": {"alpha": 1.0, "std": CIFAR["std"], "blocks": (2, 4)},
        **{key: {"alpha": 1.0, **_LARGE} for key in LARGE},
    },
    frozenset({"input_grad"}),
    released={"scope": "batch", "pairing": "permute", "bidding": "grid_rows"},
)
