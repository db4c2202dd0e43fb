"""Verification of the MSDA theorem on this machine: one row per family of masks, and the symbolic
statements.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.seed import generator

from .expansion.dense import anchor_moments, dense_terms
from .expansion.displacements import Displaced
from .expansion.on_networks import cancels, leading, slopes
from .expansion.taylor import Model
from .expansion.terms import Swapped, anchored, direct, mixed, swapped
from .families import ALPHAS, Family, families
from .moments import Moments, exact_moments, monte_carlo_moments
from .moments.tilt import Atoms, sampled
from .networks import blobs, states, unmixed_states
from .proofs import STATEMENTS, prove

SIZE, CLASSES, IMAGES = 8, 3, 6
SMALL = (1 / 16, 1 / 32)
SLOPE_TOLERANCE = 0.2
THIRD_TOLERANCE = 0.1
TERM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Row:
    """What was found for one family.

    Attributes:
        identity: largest |loss by definition - loss by the swapped sum| over the three states.
        z: largest |exact - measured| / standard error of A; None where only measured.
        entries: how many entries of A that is the largest of; 0 where only measured.
        slope: order of the remainder between eps = 1/16 and 1/32 on the first state whose
            third-order terms do not cancel; None if they do on all.
        third: largest |remainder - (c3 eps^3 + c4 eps^4)| over the states, relative to those two
            terms, at eps = 1/32; c3 and c4 are the loss's own derivatives.
        terms: L, R1 (gradient, first order), R2 (gradient, second order) and R3 (Hessian) by state.
        off: largest |term - its definition from whole Jacobians and Hessians| of R1, R2 and R3 over
            the states, relative to |R1| + |R2| + |R3|.
        penalty: L_MSDA - L by state.
        anchored: share of the MSDA penalty that the anchored expansion explains, by state.
    """

    name: str
    identity: float
    z: float | None
    slope: float | None
    third: float
    terms: dict[str, Swapped]
    off: tuple[float, float, float]
    penalty: dict[str, float]
    anchored: dict[str, float]
    entries: int = 0

    @property
    def explained(self) -> dict[str, float]:
        """(R1 + R2 + R3) / (L_MSDA - L) by state."""
        return {state: sum(t[1:]) / self.penalty[state] for state, t in self.terms.items()}

    def failures(self) -> list[str]:
        """What does not hold; shares are reported, not judged."""
        found = []
        # "not below": a value that is no number fails
        if not self.identity <= 1e-12:
            found.append(f"{self.name}: swap identity off by {self.identity:.1e}")
        if self.z is not None and not self.z < 5:
            found.append(f"{self.name}: exact and measured moments differ, z = {self.z:.1f}")
        if self.slope is not None and not abs(self.slope - 3) <= SLOPE_TOLERANCE:
            found.append(f"{self.name}: remainder of order {self.slope:.2f}, not 3")
        for term, off in zip(("R1", "R2", "R3"), self.off, strict=True):
            if not off <= TERM_TOLERANCE:
                found.append(f"{self.name}: {term} differs from its definition by {off:.1e}")
        if not self.third <= THIRD_TOLERANCE:
            found.append(f"{self.name}: remainder {100 * self.third:.0f} % off its leading terms")
        return found


def largest_z(name: str, family: Family, n: int, seed: int) -> float | None:
    """Exact against measured A on the grid of the check, the largest over the alphas that training
    uses."""
    if not family.exact:
        return None
    size, found = (SIZE, SIZE), []
    for one in _over_alphas(name, family):
        rng = generator(seed, "z", str(one))
        measured = monte_carlo_moments(one.law, one.lam, size, n, rng)
        found.append(measured.largest_z(exact_moments(one.law, one.lam, size)))
    return max(found)


def _over_alphas(name: str, family: Family) -> set[Family]:
    """A family at every alpha; laws of lambda that do not depend on alpha are there once."""
    return {family, *(families(alpha)[name] for alpha in ALPHAS)}


def compared(name: str, family: Family) -> int:
    """Entries of the symmetric A that :func:`largest_z` compares, over all alphas."""
    pixels = SIZE**2
    return len(_over_alphas(name, family)) * pixels * (pixels + 1) // 2 if family.exact else 0


def pairs(x: Tensor, law: Atoms) -> Displaced:
    """Every pair of images with every tilted mask."""
    m, (weight, u) = len(x), law.tilted()
    i, j, t = torch.cartesian_prod(torch.arange(m), torch.arange(m), torch.arange(len(u))).unbind(1)
    return Displaced(i, u[t][:, None] * (x[j] - x[i]), weight[t] / m**2)


def order(
    model: Model, x: Tensor, y: Tensor, law: Atoms, terms: Swapped
) -> tuple[float | None, float]:
    """Slope of the remainder at small eps (None where third-order terms cancel), and how far it is
    from its leading terms."""
    rest = [
        direct(model, x, y, law, eps=e) - (terms.L + e * terms.R1 + e**2 * (terms.R2 + terms.R3))
        for e in SMALL
    ]
    # one piece: what nested derivatives cost is the dispatch of each call
    c3, c4 = leading(model, x, y, pairs(x, law), chunk=2**14)
    e = SMALL[-1]
    gap = abs(rest[-1] - c3 * e**3 - c4 * e**4) / (abs(c3) * e**3 + abs(c4) * e**4)
    return None if cancels(c3, c4, SMALL[0]) else slopes(SMALL, rest)[0], gap


def check(
    name: str,
    family: Family,
    atoms: int,
    n: int,
    seed: int = 0,
    unmixed: dict[str, nn.Module] | None = None,
) -> Row:
    """One family on three networks.  The empirical law of a fixed sample of masks stands on both
    sides of every comparison, so that no sampling noise enters.

    Args:
        atoms: masks of the empirical law; n: masks for the measured moments.
        unmixed: the random and the overfitted network, which all families share; made here if not
            given.
    """
    x, labels = blobs(IMAGES, SIZE, CLASSES, seed)
    y = F.one_hot(labels, CLASSES).double()
    rng = generator(seed, "verify", name)
    law = sampled(family.law, family.lam, (SIZE, SIZE), atoms, rng)
    moments, gap, third = law.moments(), 0.0, 0.0
    terms, penalty, sharper, off = {}, {}, {}, torch.zeros(3, dtype=torch.float64)
    slope: float | None = None
    for state, model in states(family.law, family.lam, x, labels, seed, unmixed).items():
        whole = direct(model, x, y, law)
        gap = max(gap, abs(whole - mixed(model, x, y, law)))
        terms[state] = swapped(model, x, y, moments)
        off = torch.maximum(off, distance_to_definition(terms[state], model, x, y, moments))
        penalty[state] = whole - terms[state].L
        sharper[state] = (sum(anchored(model, x, y, law)) - terms[state].L) / penalty[state]
        measured, away = order(model, x, y, law, terms[state])
        slope, third = measured if slope is None else slope, max(third, away)
    z = largest_z(name, family, n, seed)
    r1, r2, r3 = off.tolist()
    entries = compared(name, family)
    return Row(name, gap, z, slope, third, terms, (r1, r2, r3), penalty, sharper, entries)


def distance_to_definition(
    terms: Swapped, model: nn.Module, x: Tensor, y: Tensor, moments: Moments
) -> Float[Tensor, "3"]:
    """|term - definition| of R1, R2 and R3, relative to |R1| + |R2| + |R3|."""
    dense = dense_terms(model, x, y, anchor_moments(x, moments))
    found, known = (torch.tensor(v[1:], dtype=torch.float64) for v in (terms, dense))
    return (found - known).abs() / known.abs().sum()


def statements() -> list[tuple[str, float, str]]:
    """Every symbolic statement: (name, seconds, what went wrong or "")."""
    found = []
    for name in STATEMENTS:
        start, wrong = time.perf_counter(), ""
        try:
            prove(name)
        except AssertionError as problem:
            wrong = str(problem)
        found.append((name, time.perf_counter() - start, wrong))
    return found


def verify(
    atoms: int = 120,
    n: int = 20_000,
    report: Callable[[Row], None] | None = None,
    alpha: float = 1.0,
) -> list[Row]:
    """Checks every family.

    Args:
        atoms: masks of the empirical law.
        n: masks for the measured moments, at each of the alphas.
        report: called with every row as it is ready.
        alpha: lambda ~ Beta(alpha, alpha) of the terms.
    """
    rows = []
    unmixed = unmixed_states(*blobs(IMAGES, SIZE, CLASSES))
    for name, family in families(alpha).items():
        rows.append(check(name, family, atoms, n, unmixed=unmixed))
        if report is not None:
            report(rows[-1])
    return rows


def single_thread() -> None:
    """Small tensors are slower on several threads."""
    torch.set_num_threads(1)
