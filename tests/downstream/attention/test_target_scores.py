"""Label shares by content and by area, against the mixing method's own."""

import pytest
import torch

from downstream.attention.target_scores import target_scores
from downstream.errors import InputError
from mixlib.core.mix import pair
from mixlib.methods.tokenmix import scored


def test_scores_are_those_that_the_method_trains_with():
    rng = torch.Generator().manual_seed(0)
    mask = (torch.rand(3, 4, 4, generator=rng) < 0.4).float()
    maps = torch.rand(3, 4, 4, generator=rng)
    maps = maps / maps.sum((1, 2), keepdim=True)
    partner = torch.tensor([1, 2, 0])
    mix = pair(partner, mask, mask.mean((1, 2)))
    found = target_scores(mask, maps, maps[partner])
    torch.testing.assert_close(found.content, scored(mix, maps).weight)
    torch.testing.assert_close(found.area, mix.weight)
    torch.testing.assert_close(found.area.sum(1), torch.ones(3))


def test_half_an_image_may_show_all_of_its_object():
    mask = torch.tensor([[[1.0, 0.0]]])
    own, partner = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
    found = target_scores(mask, own, partner)
    assert found.content.tolist() == [[1.0, 1.0]]
    assert found.area.tolist() == [[0.5, 0.5]]


GOOD = torch.full((1, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("mask", "own", "partner", "message"),
    [
        (GOOD, GOOD, GOOD[0], "of one shape"),
        (GOOD * 3, GOOD, GOOD, r"a mask in \[0, 1\]"),
        (GOOD * torch.nan, GOOD, GOOD, "a mask in"),
        (GOOD, GOOD * torch.nan, GOOD, "finite"),
        (GOOD, GOOD, -GOOD, "not negative"),
        (GOOD, GOOD, 0 * GOOD, "not empty"),
    ],
)
def test_bad_input_is_refused(mask, own, partner, message):
    with pytest.raises(InputError, match=message):
        target_scores(mask, own, partner)
