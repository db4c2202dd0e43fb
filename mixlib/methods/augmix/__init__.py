"""AugMix (Hendrycks et al., ICLR 2020): chains of operations and a consistency loss."""

from __future__ import annotations

from mixlib.core.hyperparameters import LARGE, normalized
from mixlib.core.method import Method
from mixlib.methods.augmix.consistency import augmix_consistency

__all__ = ["augmix_consistency"]

ROW = Method(
    "augmix",
    "AugMix",
    "augmix_consistency",
    "Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and "
    "Uncertainty, ICLR 2020, arXiv:1912.02781",
    2020,
    {
        **normalized({key: {"severity": 1.0} for key in ("default", *LARGE, "tiny")}),
        **normalized({key: {"severity": 3.0} for key in ("cifar", "generated")}),
    },
    objective="augmix",
    pipelines=("none",),
)
