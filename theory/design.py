"""Inverse design of mask laws: from a target profile of coefficients to a law that trains.

A target is the covariance part K = A - c2 of the coefficients (key identity), on a torus by
displacement: K(D) [h, w] with K(0) first.  K must be in E_lambda[covariances of [0, 1]-valued masks
with mean lambda]; necessary conditions are checked by :func:`violated_conditions`.  Constructions:
:func:`by_cosines` exact for small amplitudes, :func:`by_field` full amplitude with binary masks,
:func:`by_modes` any shape up to its scale, :func:`by_mixture` the nearest mixture of given laws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.masks.designed import Cosines, Field, Mixture, Modes
from mixlib.methods.mixup import Flat

from .moments import exact_moments
from .moments.designed import field_covariance, folded_second_moment
from .moments.lam import mixup_coefficient


class Infeasible(ValueError):
    """No law, or no law of the asked kind, has the coefficients asked for; says why."""


@dataclass(frozen=True)
class Design:
    """A law with what it realizes.

    Attributes:
        law: trains with mixlib at once.
        target: the covariance profile asked for.
        realized: the law's own, exact.
    """

    law: MaskLaw
    target: Float[Tensor, "..."]
    realized: Float[Tensor, "..."]

    @property
    def error(self) -> float:
        """Largest difference between target and law."""
        return float((self.realized - self.target).abs().max())


def spectrum(profile: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Spectrum on the torus of a displacement profile (symmetric, so real)."""
    return torch.fft.fft2(profile).real / profile.numel()


def violated_conditions(profile: Float[Tensor, "h w"], lam: LamLaw) -> list[str]:
    """Why no mask law has these coefficients; empty when no necessary condition fails (which is not
    a proof that one exists: for binary masks that question is NP-hard)."""
    found, c2 = [], mixup_coefficient(lam)
    flipped = torch.roll(profile.flip(0, 1), (1, 1), (0, 1))
    if (profile - flipped).abs().max() > 1e-9 * c2:
        found.append("not symmetric: K(D) and K(-D) differ")
    lowest = float(spectrum(profile).min())
    if lowest < -1e-9 * c2:
        found.append(f"not positive semi-definite: its spectrum falls to {lowest:.2e}")
    if profile[0, 0] > c2 * (1 + 1e-9):
        found.append(f"variance {profile[0, 0]:.4f} above E[lambda (1 - lambda)] = {c2:.4f}")
    if profile.min() < -folded_second_moment(lam) * (1 + 1e-9):
        found.append(f"covariance {profile.min():.4f} below -E[min(lambda, 1-lambda)^2]")
    return found


def _check(profile: Tensor, lam: LamLaw) -> None:
    found = violated_conditions(profile, lam)
    if found:
        raise Infeasible("no mask law has these coefficients: " + "; ".join(found))


def by_cosines(profile: Float[Tensor, "h w"], lam: LamLaw) -> Design:
    """Random cosines: exact where K(0) <= E[min(lambda, 1 - lambda)^2] / 2.  A smaller amplitude is
    reached by a mixture with Mixup.

    Raises:
        Infeasible: the target has no law at all, or too large an amplitude for this construction.
    """
    _check(profile, lam)
    room, amplitude = folded_second_moment(lam) / 2, float(profile[0, 0])
    if amplitude <= 0:
        return Design(Flat(), profile, torch.zeros_like(profile))
    if amplitude > room * (1 + 1e-9):
        raise Infeasible(
            f"cosines reach a variance of E[min(lambda, 1-lambda)^2]/2 = {room:.4f}, the target "
            f"has {amplitude:.4f}; scale the target or use by_field"
        )
    power = spectrum(profile).clamp(min=0)
    positive = power > 1e-12 * power.max()
    law: MaskLaw = Cosines(
        tuple((int(y), int(x)) for y, x in positive.nonzero()), tuple(power[positive].tolist())
    )
    return _diluted(law, profile, lam, amplitude / room)


def _diluted(law: MaskLaw, profile: Tensor, lam: LamLaw, share: float) -> Design:
    """The law with this probability, Mixup otherwise."""
    if share < 1 - 1e-9:
        law = Mixture((law, Flat()), (share, 1 - share))
    size = (profile.shape[0], profile.shape[1])
    return Design(law, profile, exact_moments(law, lam, size).row(0) - mixup_coefficient(lam))


def field_correlation(covariance: NDArray, lam: LamLaw) -> NDArray:
    """The correlation at which a thresholded pair has this covariance: bisection (monotone)."""
    low, high = np.full_like(covariance, -1.0), np.full_like(covariance, 1.0)
    for _ in range(52):
        middle = (low + high) / 2
        below = field_covariance(middle, lam) < covariance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(covariance >= mixup_coefficient(lam) * (1 - 1e-12), 1.0, (low + high) / 2)


def by_field(profile: Float[Tensor, "h w"], lam: LamLaw, tolerance: float = 1e-3) -> Design:
    """A thresholded Gaussian field; binary masks have K(0) = c2, smaller ones are mixed with Mixup.

    Args:
        tolerance: largest error of the realized profile.  The field's correlation is found lag by
            lag; where it is not positive semi-definite, its spectrum is cut at zero, and the
            profile moves.

    Raises:
        Infeasible: the target has no law, or the error exceeds the tolerance (Gaussian-shaped
            profiles: binary masks have a cusp at D = 0).
    """
    _check(profile, lam)
    c2, amplitude = mixup_coefficient(lam), float(profile[0, 0])
    if amplitude <= 0:
        return Design(Flat(), profile, torch.zeros_like(profile))
    scaled = (profile * (c2 / amplitude)).numpy()
    power = spectrum(torch.from_numpy(field_correlation(scaled, lam)))
    lost = float(-power.clamp(max=0).sum())
    found = _diluted(Field(power.clamp(min=0)), profile, lam, amplitude / c2)
    if found.error > tolerance:
        raise Infeasible(
            f"thresholded fields miss the target by {found.error:.4f} (tolerance {tolerance}): the "
            f"field it needs has {100 * lost:.1f} % negative spectral mass"
        )
    return found


def by_modes(covariance: Float[Tensor, "s s"], size: tuple[int, int], lam: LamLaw) -> Design:
    """Random signed modes: any positive semi-definite K, stationary or not, up to its scale; the
    realized covariance is K E[min^2] / S with S = sum_r max|v_r|^2, or K itself if that is smaller.

    Raises:
        Infeasible: K is not positive semi-definite.
    """
    value, vector = torch.linalg.eigh(covariance)
    if value[0] < -1e-9 * value[-1].abs():
        raise Infeasible(f"not positive semi-definite: eigenvalue {value[0]:.2e}")
    positive = value > 1e-12 * value[-1]
    modes = (vector[:, positive] * value[positive].sqrt()).T.reshape(-1, *size)
    peak = modes.abs().amax(dim=(1, 2))
    law: MaskLaw = Modes(modes / peak[:, None, None], peak.square())
    share = float(peak.square().sum()) / folded_second_moment(lam)
    if share < 1:
        law = Mixture((law, Flat()), (share, 1 - share))
    return Design(law, covariance, exact_moments(law, lam, size).A - mixup_coefficient(lam))


def by_mixture(
    coefficients: Float[Tensor, "h w"],
    dictionary: tuple[MaskLaw, ...],
    lam: LamLaw,
    pixel: int = 0,
) -> Design:
    """The mixture of given laws whose row of A is nearest to the target (least squares on the
    simplex).

    Args:
        coefficients: target: A of one pixel against all others (c2 included).
        pixel: flat index of that pixel.
    """
    size = (coefficients.shape[0], coefficients.shape[1])
    row = torch.tensor([pixel])
    columns = [exact_moments(law, lam, size, row).A[0].numpy() for law in dictionary]
    heavy = 1e4 * np.abs(columns).max()  # holds the weights' sum at one
    system = np.concatenate([np.stack(columns, axis=1), heavy * np.ones((1, len(columns)))])
    weights, _ = nnls(system, np.concatenate([coefficients.numpy().ravel(), [heavy]]))
    law = Mixture(dictionary, tuple((weights / weights.sum()).tolist()))
    return Design(law, coefficients, exact_moments(law, lam, size, row).row(pixel))
