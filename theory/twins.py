"""Twin laws: an experiment that can refute the second-order theory (Park, Yun and Chun, NeurIPS
2022, Theorem 1, says that a mask law enters the expansion through a and A alone).

Two laws of the same lambda with the same a and A and different masks are trained with on the same
data from the same weights.  To second order their losses are one loss, so equal training is what
the theory predicts; that the higher orders do not matter is what the experiment tests.  The margin
within which two accuracies count as equal is declared before anything is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from mixlib.core.lam import Beta
from mixlib.core.mask import MaskLaw
from mixlib.core.policy import ByLaw
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from mixlib.seed import generator

from .design import by_cosines, by_field
from .moments import Moments, exact_moments, monte_carlo_moments
from .moments.designed import folded_second_moment
from .moments.lam import mixup_coefficient
from .moments.torus import grid_lags
from .networks import blobs, network, train

Word = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True)
class Declaration:
    """What is compared, and what counts as equal: fixed before the run.

    Attributes:
        size: side of the generated images; classes, train, test: of the data; noise: of its pixels.
        steps: of full-batch training; seeds: data, weights and masks are drawn anew for each.
        alpha: lambda ~ Beta(alpha, alpha); length: of the covariance's decay, in pixels.
        margin: largest difference of mean test accuracy that counts as equal.
        level: of each one-sided test.
        revision: raised by hand when a training measures something else than before.
    """

    size: int = 16
    classes: int = 5
    train: int = 60
    test: int = 1000
    noise: float = 1.5
    steps: int = 200
    seeds: int = 8
    alpha: float = 1.0
    length: float = 2.0
    margin: float = 0.02
    level: float = 0.05
    revision: int = 1


class Pair(NamedTuple):
    """Two laws and their exact moments."""

    names: tuple[str, str]
    laws: tuple[MaskLaw, MaskLaw]
    moments: tuple[Moments, Moments]

    @property
    def gap(self) -> float:
        """Largest difference of A between the two."""
        return float((self.moments[0].A - self.moments[1].A).abs().max())


def twins(declared: Declaration) -> Pair:
    """The same A, different masks: thresholded Gaussian fields (binary) diluted with Mixup, and
    random cosines (continuous) designed for exactly what the fields realize."""
    size, lam = (declared.size, declared.size), Beta(declared.alpha)
    down, across = (torch.from_numpy(declared.size * t).view(size) for t in grid_lags(size))
    fading = torch.exp(-(down**2 + across**2).sqrt() / declared.length)
    c2 = mixup_coefficient(lam)
    field = by_field(c2 * fading, lam)
    share = folded_second_moment(lam) / 2 / c2
    laws = (
        Mixture((field.law, Flat()), (share, 1 - share)),
        by_cosines(share * field.realized, lam).law,
    )
    found = (exact_moments(laws[0], lam, size), exact_moments(laws[1], lam, size))
    return Pair(("fields and Mixup", "cosines"), laws, found)


def look_alikes(declared: Declaration) -> Pair:
    """The converse: the very masks of CutMix twice, with other coefficients, because the label is
    the realized area once and the drawn lambda once."""
    size, lam = (declared.size, declared.size), Beta(declared.alpha)
    laws = (Box(), Box(label="drawn"))
    found = (exact_moments(laws[0], lam, size), exact_moments(laws[1], lam, size))
    return Pair(("CutMix, label by area", "CutMix, label lambda"), laws, found)


class Look(NamedTuple):
    """What the masks of a law are like, measured.

    Attributes:
        z: largest |measured A - exact A| in standard errors.
        fourth: mean of (M - lambda)^4 over masks and pixels; binary: share of the pixels that are
            0 or 1.
    """

    z: float
    fourth: float
    binary: float


def look(law: MaskLaw, known: Moments, declared: Declaration, n: int = 20_000) -> Look:
    """Measures masks of a law, and its A against the exact one."""
    # the same draws for every law: laws with the same masks show the same numbers
    lam, rng = Beta(declared.alpha), generator(0, "twins")
    rows = torch.tensor([0, declared.size**2 // 2 + declared.size // 2])
    measured = monte_carlo_moments(law, lam, known.size, n, rng, rows=rows)
    exact = Moments(known.size, known.a, known.A[rows], rows)
    drawn = lam.sample(n, rng)
    masks = law.sample(drawn, known.size, rng)
    binary = ((masks == 0) | (masks == 1)).double().mean()
    fourth = (masks - drawn[:, None, None]).pow(4).mean()
    return Look(measured.largest_z(exact), float(fourth), float(binary))


def accuracy(law: MaskLaw, declared: Declaration, seed: int) -> float:
    """Test accuracy of one training: data and weights depend on the seed, not on the law."""
    x, y = blobs(declared.train, declared.size, declared.classes, seed, noise=declared.noise)
    policy = ByLaw(law, Beta(declared.alpha), "sample", "permute")
    model = network(declared.size, declared.classes, seed)
    train(model, policy, x, y, declared.steps, seed)
    unseen, target = blobs(declared.test, declared.size, declared.classes, seed, 1, declared.noise)
    with torch.no_grad():
        return float((model(unseen).argmax(1) == target).double().mean())


class Verdict(NamedTuple):
    """Equivalence of two laws from paired differences (two one-sided t-tests).

    Attributes:
        mean: difference of the accuracies; low, high: its interval at 1 - 2 level.
    """

    mean: float
    low: float
    high: float
    word: Word


def verdict(differences: Float[Tensor, " n"], margin: float, level: float = 0.05) -> Verdict:
    """ "supported": the interval lies within the margin; "refuted": wholly beyond it; "undecided"
    otherwise.

    Example:
        >>> verdict(torch.tensor([0.01, -0.01, 0.0, 0.005]), margin=0.05).word
        'supported'
        >>> verdict(torch.tensor([0.2, 0.21, 0.19, 0.2]), margin=0.05).word
        'refuted'
        >>> verdict(torch.tensor([0.2, -0.2, 0.1, -0.1]), margin=0.05).word
        'undecided'
    """
    n, mean = len(differences), float(differences.mean())
    error = float(differences.std()) / n**0.5
    reach = float(stats.t.ppf(1 - level, n - 1)) * error
    low, high = mean - reach, mean + reach
    word: Word = "undecided"
    if -margin < low and high < margin:
        word = "supported"
    elif low > margin or high < -margin:
        word = "refuted"
    return Verdict(mean, low, high, word)
