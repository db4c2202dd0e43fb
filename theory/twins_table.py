"""Moments of twins and look-alikes as rows of a table."""

from __future__ import annotations

from .twins import Declaration, Pair, look

MOMENTS = [
    *("law", "mean a", "mean A_jj", "largest gap of A", "max z"),
    *("E (M - lambda)^4", "binary"),
]


def moment_rows(pair: Pair, declared: Declaration) -> list[list[str]]:
    """Exact coefficients of a pair, and what their masks are like."""
    rows = []
    for name, law, known in zip(pair.names, pair.laws, pair.moments, strict=True):
        seen, middle = look(law, known, declared), known.A.diagonal()
        cells = [name, f"{float(known.a.mean()):.4f}", f"{float(middle.mean()):.4f}"]
        cells += [f"{pair.gap:.1e}", f"{seen.z:.1f}"]
        rows.append([*cells, f"{seen.fourth:.4f}", f"{100 * seen.binary:.0f} %"])
    return rows
