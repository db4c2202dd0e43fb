"""Verification of the MSDA theorem on this machine: one row per family of masks, and the symbolic
statements.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from mixlib.seed import generator
from theory.expansion.displacements import Displaced
from theory.expansion.on_networks import cancels, leading, slopes
from theory.expansion.taylor import Model
from theory.expansion.terms import anchored, direct, mixed, swapped
from theory.families import Family, families
from theory.moments import exact_moments, monte_carlo_moments
from theory.moments.tilt import Atoms, sampled
from theory.networks import STATES, blobs, states
from theory.proofs import STATEMENTS, prove

SIZE, CLASSES, IMAGES = 8, 3, 6
SMALL = (1 / 16, 1 / 32)
SLOPE_TOLERANCE = 0.2
THIRD_TOLERANCE = 0.1
BAR = r"\|"


@dataclass(frozen=True)
class Row:
    """What was found for one family.

    Attributes:
        identity: largest |loss by definition - loss by the swapped sum| over the three states.
        z: largest |exact - measured| / standard error of A; None where only measured.
        slope: order of the remainder between eps = 1/16 and 1/32 on the first state whose
            third-order terms do not cancel; None if they do on all.
        third: largest |remainder - (c3 eps^3 + c4 eps^4)| over the states, relative to those two
            terms, at eps = 1/32; c3 and c4 are the loss's own derivatives.
        explained: share of the MSDA penalty that R1 + R2 + R3 explain, by state.
        anchored: the same for the anchored expansion, by state.
    """

    name: str
    identity: float
    z: float | None
    slope: float | None
    third: float
    explained: dict[str, float]
    anchored: dict[str, float]

    def failures(self) -> list[str]:
        """What does not hold; shares are reported, not judged."""
        found = []
        if self.identity > 1e-12:
            found.append(f"{self.name}: swap identity off by {self.identity:.1e}")
        if self.z is not None and self.z >= 5:
            found.append(f"{self.name}: exact and measured moments differ, z = {self.z:.1f}")
        if self.slope is not None and abs(self.slope - 3) > SLOPE_TOLERANCE:
            found.append(f"{self.name}: remainder of order {self.slope:.2f}, not 3")
        if self.third > THIRD_TOLERANCE:
            found.append(f"{self.name}: remainder {100 * self.third:.0f} % off its leading terms")
        return found


def largest_z(family: Family, n: int, seed: int) -> float | None:
    """Exact against measured A on the grid of the check."""
    if not family.exact:
        return None
    size = (SIZE, SIZE)
    measured = monte_carlo_moments(
        family.law, family.lam, size, n, generator(seed, "z", str(family.law))
    )
    return measured.largest_z(exact_moments(family.law, family.lam, size))


def pairs(x: Tensor, law: Atoms) -> Displaced:
    """Every pair of images with every tilted mask."""
    m, (weight, u) = len(x), law.tilted()
    i, j, t = torch.cartesian_prod(torch.arange(m), torch.arange(m), torch.arange(len(u))).unbind(1)
    return Displaced(i, u[t][:, None] * (x[j] - x[i]), weight[t] / m**2)


def order(model: Model, x: Tensor, y: Tensor, law: Atoms) -> tuple[float | None, float]:
    """Slope of the remainder at small eps (None where third-order terms cancel), and how far it is
    from its leading terms."""
    terms = swapped(model, x, y, law.moments())
    rest = [
        direct(model, x, y, law, eps=e) - (terms.L + e * terms.R1 + e**2 * (terms.R2 + terms.R3))
        for e in SMALL
    ]
    c3, c4 = leading(model, x, y, pairs(x, law))
    e = SMALL[-1]
    gap = abs(rest[-1] - c3 * e**3 - c4 * e**4) / (abs(c3) * e**3 + abs(c4) * e**4)
    return None if cancels(c3, c4, SMALL[0]) else slopes(SMALL, rest)[0], gap


def check(name: str, family: Family, atoms: int, n: int, seed: int = 0) -> Row:
    """One family on three networks.  The empirical law of a fixed sample of masks stands on both
    sides of every comparison, so that no sampling noise enters."""
    x, labels = blobs(IMAGES, SIZE, CLASSES, seed)
    y = F.one_hot(labels, CLASSES).double()
    rng = generator(seed, "verify", name)
    law = sampled(family.law, family.lam, (SIZE, SIZE), atoms, rng)
    moments, gap, third, explained, sharper = law.moments(), 0.0, 0.0, {}, {}
    slope: float | None = None
    for state, model in states(family.law, family.lam, x, labels, seed=seed).items():
        whole = direct(model, x, y, law)
        gap = max(gap, abs(whole - mixed(model, x, y, law)))
        terms = swapped(model, x, y, moments)
        penalty = whole - terms.L
        explained[state] = (terms.R1 + terms.R2 + terms.R3) / penalty
        sharper[state] = (sum(anchored(model, x, y, law)) - terms.L) / penalty
        measured, away = order(model, x, y, law)
        slope, third = measured if slope is None else slope, max(third, away)
    return Row(name, gap, largest_z(family, n, seed), slope, third, explained, sharper)


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
    atoms: int = 120, n: int = 40_000, report: Callable[[Row], None] | None = None
) -> list[Row]:
    """Checks every family.

    Args:
        atoms: masks of the empirical law.
        n: masks for the measured moments.
        report: called with every row as it is ready.
    """
    rows = []
    for name, family in families().items():
        rows.append(check(name, family, atoms, n))
        if report is not None:
            report(rows[-1])
    return rows


def columns() -> list[str]:
    """Headings of the table, in the order of :func:`cells`."""
    heads = ["family", "swap", "max z", "slope", "off c3, c4"]
    return heads + [f"{kind} {s}" for kind in ("R1-3:", "anchored:") for s in STATES]


def cells(row: Row) -> list[str]:
    """One row of the table as text."""
    return [
        row.name,
        f"{row.identity:.0e}",
        "measured" if row.z is None else f"{row.z:.1f}",
        "cancels" if row.slope is None else f"{row.slope:.3f}",
        f"{100 * row.third:.1f} %",
        *(f"{100 * kind[s]:.0f} %" for kind in (row.explained, row.anchored) for s in STATES),
    ]


def write_table(folder: Path, rows: list[Row], proofs: list[tuple[str, float, str]]) -> None:
    """Writes table.md: every family's row, and every symbolic statement."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "Small networks and six generated images; shares of the MSDA penalty that the expansion "
        "explains, by state of the network.",
        "",
        "| " + " | ".join(columns()) + " |",
        "|---|" + "---:|" * (len(columns()) - 1),
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
        "",
        "| symbolic statement | holds |",
        "|---|---|",
        # a bar would end the cell
        *(f"| {name.replace('|', BAR)} | {wrong or 'yes'} |" for name, _, wrong in proofs),
    ]
    (folder / "table.md").write_text("\n".join(lines) + "\n")


def single_thread() -> None:
    """Small tensors are slower on several threads."""
    torch.set_num_threads(1)
