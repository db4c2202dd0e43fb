"""Tables of the verification: one line per family with what was checked, one with its terms, and
the symbolic statements; for the terminal and as Markdown."""

from __future__ import annotations

from pathlib import Path

from scipy import stats

from mixlib.core.markdown import table

from .experiments.page import Page, listed
from .networks import STATES
from .verify import CLASSES, IMAGES, SIZE, Row

CHECKS = "MSDA theorem by family (share of the penalty explained, by network state)"
TERMS = (
    "R1 (gradient, first order), R2 (gradient, second order) and R3 (Hessian) by family and state "
    "of the network: value and share of the MSDA penalty"
)


def check_columns() -> list[str]:
    """Headings of :func:`check_cells`."""
    heads = ["family", "swap", "max z", "slope", "off c3, c4"]
    return heads + [f"{kind} {s}" for kind in ("R1-3:", "anchored:") for s in STATES]


def check_cells(row: Row) -> list[str]:
    """What was checked for one family, as text."""
    return [
        row.name,
        f"{row.identity:.0e}",
        "measured" if row.z is None else f"{row.z:.1f}",
        "cancels" if row.slope is None else f"{row.slope:.3f}",
        f"{100 * row.third:.1f} %",
        *(f"{100 * kind[s]:.0f} %" for kind in (row.explained, row.anchored) for s in STATES),
    ]


def term_columns() -> list[str]:
    """Headings of :func:`term_cells`."""
    return ["family", *(f"{term} {s}" for s in STATES for term in ("R1", "R2", "R3")), "off"]


def term_cells(row: Row) -> list[str]:
    """R1, R2 and R3 of one family by state, with sign and share, and their largest distance to the
    definition, as text."""
    found = [row.name]
    for state in STATES:
        penalty = row.penalty[state]
        found += [f"{value:+.1e} {100 * value / penalty:+.0f} %" for value in row.terms[state][1:]]
    return [*found, f"{max(row.off):.0e}"]


def numbers_table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table: names to the left, numbers to the right."""
    return table(heads, rows, "l" + "r" * (len(heads) - 1))


def z_limit(entries: int) -> float:
    """What the largest of that many |z| exceeds with a probability of 5 % at most if nothing is
    wrong (Bonferroni).

    Example:
        >>> round(z_limit(1), 2), round(z_limit(10_000), 2)
        (1.96, 4.56)
    """
    return float(stats.norm.isf(0.025 / max(entries, 1)))


def _glossary() -> list[str]:
    """A line for every heading of the table of checks."""
    explains = "share of the penalty L_MSDA - L, what mixing adds to the loss, that"
    return [
        "swap: largest difference between the loss by its definition and by the swapped sum, in "
        "which each image is moved towards its partners and keeps its label.",
        "max z: exact coefficients A against A measured on sampled masks, largest difference in "
        "standard errors over all pairs of pixels and all alphas; measured: no exact form to "
        "compare.",
        "slope: order in which the remainder falls when the displacements shrink from 1/16 to "
        "1/32; the theory says 3. cancels: the terms of third order happen to vanish.",
        "off c3, c4: the remainder at 1/32 against its leading terms c3 eps^3 + c4 eps^4, from the "
        "third and fourth derivatives of the loss, relative to these.",
        f"R1-3: {explains} R1 + R2 + R3, the expansion to second order about the images, explains.",
        f"anchored: {explains} the same expansion about the mean virtual point (label share at "
        "least 1/2) explains.",
        "random, trained, overfitted: networks with random weights, trained with the family's "
        "masks, and trained without mixing until they fit their images.",
    ]


def _conclusions(rows: list[Row], proofs: list[tuple[str, float, str]]) -> list[str]:
    """What the numbers say."""
    exact = {row.name: row.z for row in rows if row.z is not None}
    said = [f"The swapped sum is exact: off by at most {max(row.identity for row in rows):.0e}."]
    if exact:
        worst, count = max(exact, key=lambda name: exact[name]), sum(row.entries for row in rows)
        limit = z_limit(count)
        below = "stays below" if exact[worst] < limit else "EXCEEDS"
        said.append(
            f"The largest z of {len(exact)} families, {exact[worst]:.1f} ({worst}), {below} "
            f"{limit:.1f}, which the largest of {count} entries exceeds by chance in at most 5 % "
            "of such tables."
        )
    slopes = [row.slope for row in rows if row.slope is not None]
    if slopes:
        said.append(
            f"The remainder falls with order {min(slopes):.2f} to {max(slopes):.2f}, and is at "
            f"most {100 * max(row.third for row in rows):.1f} % off its leading terms."
        )
    for what, kind in (
        ("R1 + R2 + R3 explain", "explained"),
        ("the anchored expansion explains", "anchored"),
    ):
        parts = [_span(rows, kind, state) for state in STATES]
        said.append(f"Of what mixing adds {what}: {'; '.join(parts)}.")
    held = sum(not wrong for _, _, wrong in proofs)
    return [*said, f"{held} of {len(proofs)} symbolic statements hold."]


def _span(rows: list[Row], kind: str, state: str) -> str:
    """Smallest and largest share over the families on one state of the network."""
    share = {row.name: 100 * getattr(row, kind)[state] for row in rows}
    low, high = min(share, key=lambda n: share[n]), max(share, key=lambda n: share[n])
    values = f"{share[low]:.0f} to {share[high]:.0f} %"
    alike = f"{share[low]:.0f}" == f"{share[high]:.0f}"
    if alike:
        return f"{share[low]:.0f} % on {state} networks, for every family"
    return f"{values} on {state} networks (least {listed([low])}, most {listed([high])})"


def write_table(folder: Path, rows: list[Row], proofs: list[tuple[str, float, str]]) -> None:
    """Writes table.md: every family's checks and terms, every symbolic statement, what the headings
    mean and what the numbers say."""
    made = Page(
        "The expansion: R1, R2 and R3",
        "How much of what mixing adds to the loss do R1, R2 and R3 explain, and does everything "
        "that the expansion says hold?",
    )
    made.say(
        f"Dense networks of three states, {IMAGES} generated images of {SIZE} x {SIZE} pixels and "
        f"{CLASSES} classes. All families share the random and the overfitted network; the trained "
        "one is the family's own. One network each: read shares to ten points."
    )
    made.items(*_conclusions(rows, proofs))
    made.tabulate(CHECKS + ".", check_columns(), [check_cells(row) for row in rows])
    made.items(*_glossary())
    made.tabulate(
        TERMS + "; off: largest distance to the definition from whole Jacobians and Hessians, "
        "relative to |R1| + |R2| + |R3|.",
        term_columns(),
        [term_cells(row) for row in rows],
    )
    made.say(
        "Symbolic statements. Two-jet: the loss to second order in the displacement; s: pixels, "
        "m: images, K: classes (or binary: one logit)."
    )
    made.lines += [
        "",
        *table(["statement", "holds"], [[n, wrong or "yes"] for n, _, wrong in proofs]),
    ]
    made.write(folder)
