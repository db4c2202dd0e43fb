"""Tables of the twins: moments of both pairs, and accuracies with the verdict."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from theory.twins import Declaration, Pair, Verdict, look, look_alikes, twins
from theory.verify_table import numbers_table


def moment_lines(declared: Declaration) -> list[str]:
    """Exact coefficients of both pairs, and what their masks are like."""
    rows = []
    for pair in (twins(declared), look_alikes(declared)):
        for name, law, known in zip(pair.names, pair.laws, pair.moments, strict=True):
            seen, middle = look(law, known, declared), known.A.diagonal()
            cells = [name, f"{float(known.a.mean()):.4f}", f"{float(middle.mean()):.4f}"]
            cells += [f"{pair.gap:.1e}", f"{seen.z:.1f}"]
            rows.append([*cells, f"{seen.fourth:.4f}", f"{100 * seen.binary:.0f} %"])
    heads = [
        "law",
        "mean a",
        "mean A_jj",
        "largest gap of A",
        "max z",
        "E (M - lambda)^4",
        "binary",
    ]
    title = f"Twins and look-alikes, {declared.size} x {declared.size}, alpha = {declared.alpha:g}"
    return [title, "", *numbers_table(heads, rows), ""]


def training_lines(
    pair: Pair, declared: Declaration, found: Float[Tensor, "2 n"], judged: Verdict
) -> list[str]:
    """Test accuracies by seed, their paired difference and the verdict."""
    heads = ["law", *(f"seed {k}" for k in range(declared.seeds)), "mean"]
    rows = [
        [name, *(f"{100 * v:.1f}" for v in (*values.tolist(), float(values.mean())))]
        for name, values in zip(pair.names, found, strict=True)
    ]
    points = f"{100 * judged.mean:+.2f} points"
    level = f"{100 * (1 - 2 * declared.level):.0f} % interval"
    return [
        f"Test accuracy in percent: {declared.train} generated images of {declared.classes} "
        f"classes, {declared.steps} steps; margin {100 * declared.margin:g} points, declared first",
        "",
        *numbers_table(heads, rows),
        "",
        f"Difference {points}, {level} {100 * judged.low:+.2f} .. {100 * judged.high:+.2f}: "
        f"equal training is {judged.word}.",
    ]
