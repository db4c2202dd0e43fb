"""R1, R2 and R3, each apart: the matrix-free terms, the dense ones and finite differences of the
definition, which know no derivative."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.expansion.dense import anchor_moments, dense_terms
from theory.expansion.taylor import loss_of
from theory.expansion.terms import direct, swapped
from theory.moments import exact_moments
from theory.moments.tilt import atoms

SIZE, CHANNELS = (3, 3), 2
LAWS = [Flat(), Box(), Box("wrap", label="drawn"), HMix(0.5), GMix()]


def case(kind):
    rng = torch.Generator().manual_seed(4)
    classes, s = (1 if kind == "logistic" else 3), CHANNELS * SIZE[0] * SIZE[1]
    x = torch.randn(4, CHANNELS, *SIZE, generator=rng, dtype=torch.float64)
    labels = torch.arange(4) % max(classes, 2)
    y = (labels[:, None] if classes == 1 else F.one_hot(labels, classes)).double()
    first, last = (
        0.5 * torch.randn(shape, generator=rng, dtype=torch.float64)
        for shape in ((6, s), (classes, 6))
    )

    def model(images):
        return torch.tanh(images.flatten(1) @ first.T) @ last.T

    return model, x, y


def differences(model, x, y, moments, kind, step=1e-3):
    """R1, R2 and R3 from logits at displaced points alone.

    Along a direction v: (f(x + e v) - f(x - e v)) / 2 e is J v, and (f(x + e v) + f(x - e v) -
    2 f(x)) / e^2 is v^T Hess f v.  A o C_i is the mean of v v^T over v = root_r(A) * (x_j - x_i).
    """
    m, f = len(x), model(x)
    p = f.sigmoid() if kind == "logistic" else f.softmax(1)
    own = moments.a.view(1, 1, *SIZE) * (x.mean(0) - x)
    slope = (model(x + step * own) - model(x - step * own)) / (2 * step)
    r1 = float(((p - y) * slope).sum(1).mean())
    value, vector = torch.linalg.eigh(moments.A)
    r2 = r3 = 0.0
    for root in (vector * value.clamp(min=0).sqrt()).T.reshape(-1, 1, *SIZE):
        for j in range(m):
            v = root * (x[j] - x)
            up, down = model(x + step * v), model(x - step * v)
            slope, bend = (up - down) / (2 * step), (up + down - 2 * f) / step**2
            if kind == "logistic":
                spread = (p * (1 - p) * slope**2)[:, 0]
            else:
                spread = (p * slope**2).sum(1) - (p * slope).sum(1) ** 2
            r2 += float(spread.sum()) / (2 * m**2)
            r3 += float(((p - y) * bend).sum()) / (2 * m**2)
    return r1, r2, r3


@pytest.mark.parametrize("kind", ["logistic", "cross-entropy"])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_every_term_by_three_ways(law, kind):
    model, x, y = case(kind)
    moments = exact_moments(law, Beta(0.7), SIZE)
    found = swapped(model, x, y, moments, kind)
    dense = dense_terms(model, x, y, anchor_moments(x, moments), kind)
    known = differences(model, x, y, moments, kind)
    for term, by_definition, by_difference in zip(found[1:], dense[1:], known, strict=True):
        assert term == pytest.approx(by_definition, rel=1e-11)
        assert term == pytest.approx(by_difference, rel=1e-4)
    assert pytest.approx(float(loss_of(model(x), y, kind).mean())) == found.L
    # no term is small enough to hide in the tolerance of another
    assert min(abs(t) for t in found[1:]) > 1e-3 * max(abs(t) for t in found[1:])


@pytest.mark.parametrize("law", [Flat(), Box(), GMix()], ids=str)
def test_derivatives_of_the_mixed_loss_itself(law):
    """d/de of the MSDA loss at contraction e = 0 is R1, half its second derivative R2 + R3."""
    model, x, y = case("cross-entropy")
    masks, e = atoms(law, Beta(1.0), SIZE), 2e-3
    up, middle, down = (direct(model, x, y, masks, eps=k * e) for k in (1, 0, -1))
    terms = swapped(model, x, y, masks.moments())
    assert (up - down) / (2 * e) == pytest.approx(terms.R1, rel=1e-4)
    assert (up + down - 2 * middle) / (2 * e**2) == pytest.approx(terms.R2 + terms.R3, rel=1e-3)
