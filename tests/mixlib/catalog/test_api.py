"""The page of public names is what the packages say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from mixlib.catalog.api import PACKAGES, markdown

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == markdown(), "run: python -m mixlib.catalog.api > docs/api.md"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there_and_explained(name):
    package = import_module(name)
    for public in package.__all__:
        value = getattr(package, public)
        assert value.__doc__, f"{name}.{public} has no docstring"
    assert not hasattr(package, "nothing")
