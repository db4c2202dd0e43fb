"""Displacements of policies and objectives: their masses, their moments, and what is refused."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.core.mix import Mix
from mixlib.core.policy import ByLaw, Policy
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from mixlib.seed import generator
from tests.theory.expansion.networks import small, trained_masks
from theory.expansion.displacements import Displaced, by_policy
from theory.expansion.on_networks import expand, leading
from theory.expansion.terms import swapped
from theory.moments import exact_moments


def test_a_policy_that_ignores_the_pair_agrees_with_its_law():
    model, x, y = small()
    labels = y.argmax(1)
    policy = ByLaw(Box(odd="drop"), Beta(1.0), "sample", "permute")
    displaced = by_policy(policy, x, labels, None, 64, 150, generator(2, "policy"))
    found = expand(model, x, y, displaced)
    known = swapped(model, x, y, exact_moments(policy.law, Beta(1.0), (4, 4)))
    for term, reference, error in zip(
        (found.R1, found.R2, found.R3), known[1:], found.error[1:], strict=True
    ):
        assert abs(term - reference) < 6 * error + 1e-3
    assert float(displaced.weight.sum()) == pytest.approx(1, abs=1e-6)
    assert (displaced.mass(6) - 1).abs().max() < 0.1


class Brighter(Policy):
    """A label that depends on the pair, as saliency labels do: the larger image earns the label."""

    def draw(self, z, y, net, rng):
        partner = torch.randperm(len(z), generator=rng)
        size = z.flatten(1).norm(dim=1)
        share = (size / (size + size[partner])).float()
        own = share[:, None, None].expand(-1, *z.shape[-2:])
        source = torch.stack([torch.arange(len(z)), partner], 1)
        return Mix(source, torch.stack([share, 1 - share], 1), torch.stack([own, 1 - own], 1))


def test_pair_dependent_labels_reweight_the_data():
    model, x, y = small()
    x = x * torch.linspace(0.5, 2, 6, dtype=torch.float64)[:, None, None, None]
    displaced = by_policy(Brighter(), x, y.argmax(1), None, 64, 100, generator(3, "pair"))
    mass = displaced.mass(6)
    assert mass.mean() == pytest.approx(1, abs=1e-6)
    assert mass[-1] > mass[0] + 0.3
    found = expand(model, x, y, displaced)
    c3, c4 = leading(model, x, y, displaced)
    e = found.eps[-1]
    assert found.remainder[-1] == pytest.approx(c3 * e**3 + c4 * e**4, rel=0.1)


def test_moments_of_large_images_are_refused():
    d = torch.zeros(2, 3, 256, 256, dtype=torch.float64)
    one = torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match="expand"):
        Displaced(one, d, torch.ones(2).double() / 2).moments(1)


def test_mixing_inside_the_network_is_refused():
    _, x, y = small()
    with pytest.raises(ValueError, match="input mixing"):
        by_policy(ByLaw(Flat(), Beta(1.0), site="layer1"), x, y.argmax(1), None, 4, 1, generator(0))


def test_a_label_read_off_the_mask_reweights_and_a_drawn_one_does_not():
    """In a batch with one lambda every image appears as own and as partner, with lambda and 1 -
    lambda: AutoMix, whose label is the drawn lambda, gives each the same share to rounding.
    PuzzleMix's label is its mask's mean, which the pair decides."""
    largest = {}
    for method in ("puzzlemix", "automix"):
        _, x, _, displaced = trained_masks(method)
        count = torch.bincount(displaced.anchor, minlength=len(x))
        expected = count / count.sum() * len(x)
        largest[method] = float((displaced.mass(len(x)) / expected - 1).abs().max())
    assert largest["automix"] < 1e-5
    assert 0.005 < largest["puzzlemix"] < 0.5
