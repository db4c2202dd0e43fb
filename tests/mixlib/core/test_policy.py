"""Partners and lambda of a batch, drawn once for all policies of pairs."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.lam import Beta, Fixed, Redrawn, Uniform
from mixlib.core.mask import MaskLaw
from mixlib.core.policy import ByLaw, draw_pairs, partners
from mixlib.methods.cutmix import Box
from mixlib.methods.manifoldmix import manifoldmix


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("pairing", ["roll", "permute", "reverse"])
@pytest.mark.parametrize("scope", ["sample", "batch"])
@pytest.mark.parametrize(
    "law", [Beta(0.4), Uniform(0.1, 0.8), Redrawn(Beta(1.0), 0.1, 0.8)], ids=str
)
def test_partners_come_first_then_lambda(law, scope, pairing):
    pairs = draw_pairs(5, law, scope, pairing, rng())
    again = rng()
    partner, shift = partners(5, pairing, again)
    lam = law.sample(5 if scope == "sample" else 1, again)
    assert torch.equal(pairs.partner, partner)
    assert pairs.shift == shift
    assert torch.equal(pairs.lam, lam)
    assert torch.equal(pairs.lam_each, lam.expand(5))
    torch.testing.assert_close(pairs.shares.sum(1), torch.ones_like(lam))


def test_a_fixed_lambda_is_no_draw():
    fixed = ByLaw(Box(), Beta(1.0), "sample", "roll").at(0.3)
    assert fixed == ByLaw(Box(), Fixed(0.3), "batch", "reverse")


def test_a_policy_of_several_sites_mixes_given_images_at_the_input():
    x = torch.zeros(2, 3, 8, 8)
    for seed in range(8):
        mix = manifoldmix().draw_at(x, torch.arange(2), None, 0.3, rng(seed))
        torch.testing.assert_close(mix.weight, torch.tensor([[0.3, 0.7]] * 2))


def test_a_law_that_draws_no_masks_is_named():
    class Column(MaskLaw):
        def draw(self, lam, size, rng):
            return torch.ones(size)

    with pytest.raises(ValueError, match=r"Column\.draw: expected a mask \[n, H, W\].*\[8, 8\]"):
        ByLaw(Column(), Beta(1.0)).draw(
            torch.zeros(4, 3, 8, 8), torch.arange(4), None, torch.Generator()
        )
