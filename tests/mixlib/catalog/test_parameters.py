"""Parameters as users name them."""

from __future__ import annotations

import pytest

from mixlib.catalog.methods import METHODS, method
from mixlib.catalog.parameters import (
    check_names,
    of_objective,
    scope_word,
    with_networks,
)
from mixlib.core.method import GIVEN
from mixlib.core.net import Net
from mixlib.models import backbones


@pytest.mark.parametrize("name", METHODS)
def test_every_default_is_a_parameter_and_nothing_that_is_given(name):
    known = of_objective(method(name))
    assert method(name).params_for("default").keys() <= {*known, "pipeline"}
    # those with settings name their fields
    assert method(name).settings or not set(known) & set(GIVEN)


def test_a_wrong_name_says_the_nearest():
    with pytest.raises(TypeError, match=r"cutmix: .*'alhpa'.*alpha"):
        check_names("cutmix", {"alhpa": 1}, of_objective(method("cutmix")))


def test_scope_is_the_method_s_own_word():
    assert scope_word(method("cutmix"), ["alpha", "scope"], "batch") == {"scope": "batch"}
    assert scope_word(method("cutmix"), ["mode"], "sample") == {"mode": "sample"}
    assert scope_word(method("cutmix"), ["alpha"], "sample") == {}
    assert scope_word(method("cutmix"), ["scope"], None) == {}
    with pytest.raises(ValueError, match="no one lambda for the batch"):
        scope_word(method("cutmix"), ["alpha"], "batch")


def test_modules_become_networks():
    teacher = backbones.build("resnet10_w16", 4, 0)
    found = with_networks(method("relabel"), {"alpha": 1.0, "teacher": teacher})
    assert found["alpha"] == 1.0
    assert isinstance(found["teacher"], Net)
