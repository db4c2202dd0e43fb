"""The law of lambda, how often is mixed at all, and for whom lambda is drawn."""

from __future__ import annotations

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact
from mixlib.audit.recover import VISIBLE, rectangles
from mixlib.audit.reference import (
    explain_weights,
    fit_boxes,
    fit_weights,
    fitted_beta,
    nearest_box_law,
)
from mixlib.audit.significance import fewer, rate_within

ENOUGH = 100
SLACK = 0.02


def kinds(evidence: Evidence) -> list[Finding]:
    """What the masks look like, and whether that is what was said."""
    d = evidence.draws
    n = int(d.visible.sum())
    flat, box = int(d.flat.sum()), int(d.box.sum())
    seen = (
        f"of {len(d.share)} draws {n} are mixed: {flat} with one weight, {box} by a box, "
        f"{n - flat - box} otherwise"
    )
    odd = d.mask[d.shaped & ~d.box]
    inner = int(rectangles(1 - odd)[1].sum()) if len(odd) else 0
    if inner:
        seen += f" ({inner} hold the own image in a box, the partner around it)"
    claims = evidence.claims
    if claims.kind in ("mixup", "box") and claims.box_prob is None:
        holds = (flat if claims.kind == "mixup" else box) == n
        return [exact("kind of mask", holds, seen, f"all {claims.kind}")]
    return [Finding("kind of mask", seen)]


def law_of_weights(evidence: Evidence) -> list[Finding]:
    """Own shares where all pixels have one weight, against Beta(a, b)."""
    share = evidence.draws.share[evidence.draws.flat]
    if len(share) < ENOUGH:
        return []
    step = _step(evidence)
    beta = evidence.claims.beta_of_weights()
    words = explain_weights(share, step)
    if beta is None:
        return [Finding("law of lambda", f"{words} ({len(share)} draws)")]
    fit = fit_weights(share, beta, step)
    seen = f"{words} ({len(share)} draws, distance {fit.distance:.3f})"
    return [Finding("law of lambda", seen, fit.law, p=fit.p)]


def law_of_boxes(evidence: Evidence) -> list[Finding]:
    """Own shares where the partner fills a box, against every way to round and cut one."""
    d = evidence.draws
    share = d.share[d.box]
    if len(share) < ENOUGH or evidence.claims.kind in ("erase", "mosaic"):
        return []
    size = evidence.main.setup.size
    beta = evidence.claims.beta_of_boxes()
    if beta is None:
        fit = evidence.box_fits[0]
        words = fit.law if fit.p > 1e-4 else f"none of the known ones (nearest: {fit.law})"
        return [Finding("law of the box", words)]
    best = evidence.box_fits[0]
    seen = best.law if best.p > 1e-4 else _other_box_law(evidence, size)
    seen += f" ({len(share)} draws, distance {best.distance:.3f})"
    return [Finding("law of the box", seen, f"Beta({beta[0]:g}, {beta[1]:g})", p=best.p)]


def _other_box_law(evidence: Evidence, size: tuple[int, int]) -> str:
    share = evidence.draws.share[evidence.draws.box]
    beta = evidence.claims.beta_of_boxes() or (1.0, 1.0)
    turned = fit_boxes(1 - share[share > VISIBLE], beta, size)[0]
    if turned.p > 1e-4:
        return "the box holds the own image and the partner lies around it"
    fit = nearest_box_law(share, size)
    return fit.law if fit.p > 1e-4 else f"no known law, nearest {fit.law}"


def _step(evidence: Evidence) -> float:
    """Distance from one at which a share cannot be told from one."""
    own = {"uint8": 1 / 255, "float16": 2e-3, "bfloat16": 1 / 64}
    return own.get(evidence.form.dtype, VISIBLE)


def _seen(evidence: Evidence) -> dict[str, float]:
    """Probability that a draw of each kind is visible."""
    d, claims = evidence.draws, evidence.claims
    found = {"flat": 1.0, "box": 1.0}
    if d.flat.sum() >= ENOUGH:
        share, step = d.share[d.flat], _step(evidence)
        found["flat"] = fit_weights(
            share, claims.beta_of_weights() or fitted_beta(share), step
        ).seen
    if d.box.sum() >= ENOUGH and claims.kind not in ("erase", "mosaic"):
        found["box"] = evidence.box_fits[0].seen
    return found


def rate_of_mixing(evidence: Evidence) -> list[Finding]:
    """How often is mixed at all, counting what a law makes too small to be seen."""
    d, claims = evidence.draws, evidence.claims
    n = len(d.share)
    flat, box = int(d.flat.sum()), int(d.box.sum())
    count = int(d.visible.sum())
    if count == 0:
        nothing = "nothing was mixed"
        if claims.prob:
            return [exact("rate of mixing", False, nothing, f"{claims.prob:g}")]
        return [Finding("rate of mixing", nothing)]
    seen = _seen(evidence)
    drawn = flat / seen["flat"] + box / seen["box"] + (count - flat - box)
    words = f"{drawn / n:.3f} ({count} of {n} draws visibly mixed)"
    if claims.prob is None:
        return [Finding("rate of mixing", words)]
    factor = claims.prob * count / drawn
    p = _rate(count, n, factor)
    if _own_partners_likely(evidence):
        p = max(p, _rate(count, n, factor * (1 - 1 / evidence.effort.batch)))
    return [Finding("rate of mixing", words, f"{claims.prob:g}", p=p)]


def _rate(count: int, n: int, expected: float) -> float:
    # whole pixels hide some draws of laws that are not known here
    return rate_within(count, n, expected * (1 - SLACK), min(1.0, expected * (1 + SLACK / 4)))


def _own_partners_likely(evidence: Evidence) -> bool:
    if evidence.couple is None or evidence.scope == "batch":
        return False
    still, m, rest, n = unmixed_by_batch(evidence)
    return fewer(still, m, rest, n) < 1e-3


def unmixed_by_batch(evidence: Evidence) -> tuple[int, int, int, int]:
    """Unmixed rows and all rows in batches of two, then in the main batch."""
    assert evidence.couple is not None
    own = evidence.couple.pixels.diagonal(axis1=1, axis2=2)
    still = int((own >= 1 - VISIBLE).sum())
    d = evidence.draws
    return still, own.size, int((~d.visible).sum()), len(d.visible)


def rate_of_boxes(evidence: Evidence) -> list[Finding]:
    """How often a box is used where a method switches between the two kinds."""
    wanted = evidence.claims.box_prob
    d = evidence.draws
    flat, box = int(d.flat.sum()), int(d.box.sum())
    if wanted is None or flat + box < ENOUGH:
        return []
    seen = _seen(evidence)
    drawn = box / seen["box"] / (box / seen["box"] + flat / seen["flat"])
    expected = wanted * seen["box"] / (wanted * seen["box"] + (1 - wanted) * seen["flat"])
    low, high = expected * (1 - SLACK), min(1.0, expected * (1 + SLACK))
    p = rate_within(box, flat + box, low, high)
    return [Finding("rate of boxes", f"{drawn:.3f}", f"{wanted:g}", p=p)]


def scope(evidence: Evidence) -> list[Finding]:
    """For whom lambda is drawn."""
    wanted, seen = evidence.claims.scope, f"drawn for every {evidence.scope}"
    if not evidence.draws.visible.any():
        return []
    if wanted is None:
        return [Finding("scope of a draw", seen)]
    return [
        exact("scope of a draw", wanted == evidence.scope, seen, f"every {wanted}", Verdict.FAIL)
    ]
