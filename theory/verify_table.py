"""Tables of the verification: one line per family with what was checked, one with its terms, and
the symbolic statements; for the terminal and as Markdown."""

from __future__ import annotations

from pathlib import Path

from mixlib.core.markdown import table
from mixlib.whole_files import write_whole

from .networks import STATES
from .verify import Row

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


def write_table(folder: Path, rows: list[Row], proofs: list[tuple[str, float, str]]) -> None:
    """Writes table.md: every family's checks and terms, and every symbolic statement."""
    lines = [
        "Small networks and six generated images; shares of the MSDA penalty that the expansion "
        "explains, by state of the network.",
        "",
        *numbers_table(check_columns(), [check_cells(row) for row in rows]),
        "",
        TERMS + "; off: largest distance to the definition, relative to their sum.",
        "",
        *numbers_table(term_columns(), [term_cells(row) for row in rows]),
        "",
        *table(["symbolic statement", "holds"], [[n, wrong or "yes"] for n, _, wrong in proofs]),
    ]
    write_whole(folder / "table.md", "\n".join(lines) + "\n", durable=False)
