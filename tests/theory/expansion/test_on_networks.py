"""The expansion on networks: a sample of displacements against exact sums, any policy, a CNN."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.core.net import Net
from mixlib.methods.cutmix import Box, cutmix
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat, mixup
from mixlib.methods.puzzlemix.policy import puzzlemix
from mixlib.methods.resizemix import resizemix
from mixlib.methods.ricap import ricap
from mixlib.methods.saliencymix import saliencymix
from mixlib.seed import generator
from tests.theory.expansion.networks import small, trained_masks
from theory.expansion.displacements import by_law, by_policy
from theory.expansion.on_networks import cancels, expand, leading, linear_certificate, slopes
from theory.expansion.taylor import jet
from theory.expansion.terms import direct, swapped
from theory.moments import exact_moments
from theory.moments.tilt import sampled
from theory.networks import blobs, convolutional


@pytest.mark.parametrize("law", [Flat(), Box(odd="drop"), HMix(0.5)], ids=str)
def test_sampled_terms_agree_with_exact_ones(law):
    model, x, y = small()
    known = swapped(model, x, y, exact_moments(law, Beta(1.0), (4, 4)))
    found = expand(model, x, y, by_law(law, Beta(1.0), x, 20_000, generator(0, "law")))
    for term, reference, error in zip(
        (found.L, found.R1, found.R2, found.R3), known, found.error, strict=True
    ):
        assert abs(term - reference) < 5 * error
    many = sampled(law, Beta(1.0), (4, 4), 2000, generator(1, "law"))
    assert abs(found.loss[0] - direct(model, x, y, many)) < 0.02


@pytest.mark.parametrize(
    "policy",
    [
        puzzlemix(std=(1.0,) * 3, blocks=(4,), cell=4),
        saliencymix(mean=(0.0,) * 3, std=(1.0,) * 3),
        resizemix(),
        ricap(),
    ],
    ids=["puzzlemix", "saliencymix", "resizemix", "ricap"],
)
def test_learned_and_saliency_masks(policy):
    """Pair-dependent masks, moved contents and four sources: measured, of third order."""
    net, x, labels = smooth_net()
    displaced = by_policy(policy, x, labels, Net(net.float()), 16, 12, generator(0, str(policy)))
    net.double()
    assert displaced.mass(len(x)).mean() == pytest.approx(1, abs=1e-5)
    y = F.one_hot(labels, 4).double()
    found = expand(net, x, y, displaced)
    c3, c4 = leading(net, x, y, displaced)
    e = found.eps[-1]
    assert found.remainder[-1] == pytest.approx(c3 * e**3 + c4 * e**4, rel=0.1, abs=1e-11)
    assert math.isfinite(found.explained)


@pytest.mark.parametrize("method", ["automix", "puzzlemix"])
def test_masks_of_a_trained_network(method):
    """T_i measured on the masks of a trained AutoMix and PuzzleMix: the terms from whole Jacobians
    and Hessians are those of :func:`expand`, and the remainder is of third order."""
    net, x, labels, displaced = trained_masks(method)
    y = F.one_hot(labels, 3).double()
    of = displaced.moments(len(x))
    assert of.mass.mean() == pytest.approx(1, abs=1e-6)
    assert torch.linalg.eigvalsh(of.second).min() > -1e-10

    def one(image):
        return net(image.view(1, 3, 8, 8))[0]

    flat = x.flatten(1)
    jacobian = torch.func.vmap(torch.func.jacrev(one))(flat)
    hessian = torch.func.vmap(torch.func.hessian(one))(flat)
    p = net(x).softmax(1)
    curve = torch.diag_embed(p) - p[:, :, None] * p[:, None]
    first = torch.einsum("mk,mks,ms->m", p - y, jacobian, of.mean).mean()
    second = torch.einsum("mst,mks,mkl,mlt->m", of.second, jacobian, curve, jacobian).mean() / 2
    third = torch.einsum("mk,mkst,mst->m", p - y, hessian, of.second).mean() / 2
    plain = -(y * net(x).log_softmax(1)).sum(1)
    found = expand(net, x, y, displaced)
    assert pytest.approx(float((of.mass * plain).mean()), abs=1e-10) == found.L
    assert pytest.approx(float(first), abs=1e-10) == found.R1
    assert pytest.approx(float(second), abs=1e-10) == found.R2
    assert pytest.approx(float(third), abs=1e-10) == found.R3
    c3, c4 = leading(net, x, y, displaced)
    e = found.eps[-1]
    assert found.remainder[-1] == pytest.approx(c3 * e**3 + c4 * e**4, rel=0.1, abs=1e-11)
    assert math.isfinite(found.explained)


def smooth_net():
    """A smooth little convolutional net (float64), 16 x 16 images and labels."""
    return convolutional(4).double(), *blobs(24, 16, 4, channels=3)


@pytest.mark.parametrize("policy", [mixup(), cutmix()], ids=["mixup", "cutmix"])
def test_third_order_on_a_convolutional_net(policy):
    torch.manual_seed(1)  # the network's initial weights
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    ).double()
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(20, 3, 16, 16, generator=rng, dtype=torch.float64)
    y = F.one_hot(torch.arange(20) % 5, 5).double()
    displaced = by_law(policy.law, policy.lam, x, 512, generator(4, "cnn"))
    found = expand(model, x, y, displaced)
    assert found.R2 > 0
    c3, c4 = leading(model, x, y, displaced)
    assert cancels(c3, c4, found.eps[-2]) or abs(found.slopes[-1] - 3) < 0.2
    e = found.eps[-1]
    assert found.remainder[-1] == pytest.approx(c3 * e**3 + c4 * e**4, rel=0.1)
    assert math.isfinite(found.explained)


def test_linear_logits_keep_to_their_certificate():
    rng = torch.Generator().manual_seed(5)
    for classes, kind in ((1, "logistic"), (4, "cross-entropy")):
        for scale in (0.3, 1.0, 3.0):
            matrix = scale * torch.randn(classes, 16, generator=rng, dtype=torch.float64)

            def model(images, matrix=matrix):
                return images.flatten(1) @ matrix.T

            _, x, _ = small()
            rows = torch.arange(6) % max(classes, 2)
            y = (rows[:, None] if classes == 1 else F.one_hot(rows, classes)).double()
            displaced = by_law(Box(), Beta(1.0), x, 3000, generator(6, "linear"))
            found = expand(model, x, y, displaced, kind)
            df = jet(model, x[displaced.anchor], displaced.d).df
            assert abs(found.remainder[0]) <= linear_certificate(df, displaced.weight, kind)


@pytest.mark.parametrize("scope", ["sample", "batch"])
def test_standard_errors_of_a_policy_are_those_of_its_repetitions(scope):
    """Samples of a batch depend on each other: its sources are shared, its lambda may be."""
    model, x, y = small()
    found = [
        expand(
            model, x, y,
            by_policy(cutmix(scope=scope), x, y.argmax(1), None, 8, 24, generator(k, "errors")),
            eps=(1.0,),
        )
        for k in range(60)
    ]  # fmt: skip
    for term in range(4):
        values = torch.tensor([(one.L, one.R1, one.R2, one.R3)[term] for one in found])
        stated = torch.tensor([one.error[term] for one in found]).square().mean().sqrt()
        assert 0.75 < float(values.std() / stated) < 1.33


def test_single_precision_is_refused():
    model, x, y = small()
    with pytest.raises(ValueError, match="float64"):
        expand(model, x.float(), y, by_law(Flat(), Beta(1.0), x, 8, generator(0)))


def test_slopes_and_cancellation():
    eps = np.array([1 / 16, 1 / 32])
    assert slopes(eps.tolist(), (2 * eps**3).tolist()) == pytest.approx((3.0,))
    assert not cancels(2.0, 1.0, 1 / 16)
    assert cancels(0.1, 1.0, 1 / 16)
