"""Catalogs: order, duplicates, and the nearest name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mixlib.catalog.methods import METHODS
from mixlib.core.catalog import Catalog
from mixlib.core.training_pipeline import TRAINING_PIPELINES
from mixlib.methods.automix import PRESETS
from mixlib.models.backbones import BACKBONES
from mixlib.training.recipes import RECIPES

CATALOGS = {c.what: c for c in (METHODS, BACKBONES, RECIPES, TRAINING_PIPELINES, PRESETS)}


def row(name: str) -> SimpleNamespace:
    return SimpleNamespace(name=name)


def test_rows_keep_their_order_and_are_read_only():
    fruit = Catalog("fruit", [row("pear"), row("apple")])
    assert list(fruit) == ["pear", "apple"]
    assert not hasattr(fruit, "__setitem__")
    with pytest.raises(ValueError, match="two rows of the fruit catalog are called 'pear'"):
        Catalog("fruit", [row("pear"), row("pear")])


@pytest.mark.parametrize("what", CATALOGS)
def test_every_catalog_names_the_nearest_row(what):
    catalog = CATALOGS[what]
    name = max(catalog, key=len)
    assert catalog[name].name == name
    with pytest.raises(KeyError, match=f"no {what} '{name}x'; did you mean '{name}'"):
        catalog[f"{name}x"]
