"""What a method adds to the loss of a network: against the dense computation, on convolutions,
attention and ReLU, for laws, policies and names, and the errors that name the assumption."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

import theory
from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from mixlib.methods.resizemix import resizemix
from mixlib.seed import generator
from theory.expansion.dense import dense_terms
from theory.expansion.displacements import by_law
from theory.expansion.on_networks import terms_along
from theory.mixing import mixing_of
from theory.networks import blobs, convolutional


def with_batch_norm(activation: type[nn.Module]) -> nn.Module:
    """A convolutional network with batch normalization and some statistics of it."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        activation(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    rng = generator(0, "weights")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
        net.train()(torch.randn(32, 3, 8, 8, generator=rng))
    return net


@pytest.mark.parametrize("law", [Flat(), Box()], ids=str)
def test_agrees_with_the_dense_computation(law):
    """The same displacements, whole Jacobians and Hessians: to 1e-6 of the terms."""
    net, (x, labels) = with_batch_norm(nn.GELU).double().eval(), blobs(6, 8, 3, channels=3)
    y = F.one_hot(labels, 3).double()
    displaced = by_law(law, Beta(0.5), x, 200, generator(1, "dense"))
    along = terms_along(net, x, y, displaced, chunk=37)
    found = [float(displaced.weight @ values) for values in along[:4]]
    known = dense_terms(net, x, y, displaced.moments(len(x)))
    for value, definition in zip(found, known, strict=True):
        assert value == pytest.approx(definition, rel=1e-6)


def test_the_parts_add_up_and_intervals_cover_the_dense_value():
    net, (x, labels) = with_batch_norm(nn.GELU), blobs(6, 8, 3, channels=3)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    done = []
    found = theory.explain(
        "cutmix",
        net,
        x.float(),
        labels,
        alpha=1.0,
        directions=300,
        report=lambda *a: done.append(a),
    )
    assert done[-1] == (5, 5)
    assert found.directions == 320
    whole = sum(term.value for term in found.terms.values())
    assert whole == pytest.approx(found.penalty.value, abs=1e-12)
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1)
    assert found.loss.value - found.plain.value == pytest.approx(found.penalty.value)
    # another, larger sample
    other = theory.explain("cutmix", net, x.float(), labels, alpha=1.0, directions=1000, seed=5)
    for name, term in found.terms.items():
        gap = abs(term.value - other.terms[name].value)
        assert gap < 5 * (term.error**2 + other.terms[name].error ** 2) ** 0.5
        low, high = term.interval
        assert low < term.value < high
    assert net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    text = found.table()
    assert "CutMix, alpha = 1" in text
    assert "E[M | lambda] = lambda fails" in text
    assert len(found.plot().axes[0].patches) == 4


def test_relu_networks_say_what_is_missed():
    x, labels = blobs(6, 8, 3, channels=3)
    found = theory.explain(Flat(), with_batch_norm(nn.ReLU), x.float(), labels, directions=64)
    assert found.terms["R3"].value == 0
    assert any("piecewise linear" in note for note in found.notes)
    pooled = nn.Sequential(
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 8), nn.GELU(), nn.Linear(8, 3)
    )
    found = theory.explain(Flat(), pooled, x.float(), labels, directions=64)
    assert any("MaxPool2d have kinks" in note for note in found.notes)


def test_attention_networks():
    net = timm.create_model(
        "vit_tiny_patch16_224", img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=2,
        num_classes=3,
    )  # fmt: skip
    x, labels = blobs(6, 16, 3, channels=3)
    found = theory.explain("mixup", net, x.float(), labels, alpha=0.5, directions=128)
    assert found.terms["R2"].value > 0
    assert found.terms["R3"].value != 0


@pytest.mark.parametrize("policy", [resizemix(), "saliencymix"], ids=["resizemix", "saliencymix"])
def test_masks_that_look_at_images(policy):
    x, labels = blobs(12, 8, 3, channels=3)
    found = theory.explain(policy, convolutional(3), x.float(), labels, directions=256)
    assert found.terms["R1"].error > 0
    assert any("A o C_i" in note for note in found.notes)


def test_errors_name_the_assumption():
    x, labels = blobs(6, 8, 3, channels=3)
    net = convolutional(3)
    for method, text in [
        ("automix", "masks do not depend on what is being trained"),
        ("transmix", "label share comes with the mask"),
        (ByLaw(Flat(), Beta(1.0), site="layer1"), "inputs are mixed"),
    ]:
        with pytest.raises(ValueError, match=text):
            theory.explain(method, net, x.float(), labels)
    with pytest.raises(TypeError, match="mask law"):
        mixing_of(3, None)
    with pytest.raises(ValueError, match="K >= 2"):
        theory.explain(Flat(), nn.Sequential(nn.Flatten(), nn.Linear(192, 1)), x.float(), labels)
    with pytest.raises(ValueError, match="labels must lie"):
        theory.explain(Flat(), net, x.float(), labels + 2)


def test_a_method_that_may_mix_inside_is_refused():
    """ManifoldMix draws its site, the input among them."""
    with pytest.raises(ValueError, match="assumption that inputs are mixed: it mixes at 'stage1'"):
        mixing_of("manifoldmix", None)


def test_a_designed_law_has_a_short_name():
    assert mixing_of(Flat(), None).name == "Flat()"
    many = Mixture((Flat(), Box(), Box("wrap")), (0.5, 0.25, 0.25))
    assert mixing_of(many, None).name == "Mixture"
