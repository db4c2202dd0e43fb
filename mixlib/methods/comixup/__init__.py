"""Co-Mixup (Kim et al., ICLR 2021): a batch mixed jointly for saliency and diversity."""

from __future__ import annotations

from mixlib.core.method import Method
from mixlib.methods.comixup.policy import comixup

__all__ = ["comixup"]

ROW = Method(
    "comixup",
    "Co-Mixup",
    "comixup",
    "Kim et al., Co-Mixup: Saliency Guided Joint Mixup with Supermodular Diversity, ICLR 2021, "
    "arXiv:2102.03065",
    2021,
    # smaller parts, of which a small batch holds several, solved side by side; as many sweeps
    # as the reference
    {"default": {"alpha": 2.0}, "generated": {"alpha": 2.0, "part": 8, "sweeps": 4}},
    frozenset({"input_grad"}),
)
