"""Assumptions of the MSDA theorem, E[M | lambda] = lambda and w = lambda, and the key identity
A = c2 11^T + E Cov(M | lambda) that holds under them.
"""

from __future__ import annotations

from mixlib.core.lam import Beta, LamLaw
from mixlib.core.mask import MaskLaw

from .exact import mixup_profile


def check_theorem(law: MaskLaw, lam: LamLaw) -> None:
    """Checks the theorem's own assumptions: w = lambda and E[M | lambda] = lambda.

    Raises:
        ValueError: which of the two fails.
    """
    if not law.unbiased:
        raise ValueError(
            f"{law} violates the assumption E[M | lambda] = lambda of the MSDA theorem; use a law "
            'with unbiased=True (Box("wrap")) or the exact moments, which do not need it'
        )
    if law.label != "drawn":
        raise ValueError(
            f"{law} violates the assumption that the label share is lambda; it is the realized area"
        )


def key_identity(law: MaskLaw, lam: Beta) -> tuple[float, float]:
    """What the key identity A = c2 11^T + E Cov(M | lambda) adds to: (c1, c2), for laws that meet
    the theorem's assumptions.  c1 = 2 c2 is a at every pixel.

    Raises:
        ValueError: the assumption that the law violates.

    Example:
        >>> from mixlib.methods.cutmix import Box
        >>> c1, c2 = key_identity(Box("wrap", label="drawn"), Beta(1.0))
        >>> round(c1, 4), round(c2, 4)
        (0.3333, 0.1667)
    """
    check_theorem(law, lam)
    return mixup_profile(lam)
