"""Recipes: each can be scheduled, and names what exists."""

from __future__ import annotations

import pytest

from mixlib.data.augmentations import AUGMENTS
from mixlib.training.optimizers import rates
from mixlib.training.recipes import RECIPES, recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_an_augmentation_and_has_a_schedule(name):
    row = recipe(name)
    assert row.augment in AUGMENTS
    assert row.loss in ("ce", "bce", "bce_share")
    for values in rates(row, row.epochs, 10).values():
        assert len(values) == 10 * row.epochs
        assert (values >= 0).all()
    assert rates(row, row.epochs, 10)["net"].max() == pytest.approx(row.lr)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(KeyError, match="did you mean 'imagenet_deit'"):
        recipe("imagenet_diet")
