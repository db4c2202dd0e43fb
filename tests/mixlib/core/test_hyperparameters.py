"""Hyper-parameters: those of the appendix, and changes of nested ones."""

from __future__ import annotations

import pytest

from mixlib.core.hyperparameters import CIFAR, IMAGENET, alphas, changed, merged, normalized
from mixlib.methods.automix import AutoMixSpec


def test_changes_reach_inner_dataclasses_and_leave_the_rest():
    spec = changed(AutoMixSpec(), {"alpha": 1.0, "block": {"embed_lam": False}})
    assert spec.alpha == 1.0
    assert spec.block.embed_lam is False
    assert spec.block.init == AutoMixSpec().block.init
    assert spec.momentum == AutoMixSpec().momentum
    with pytest.raises(TypeError, match=r"no parameter 'block.inits'; did you mean 'block.init'"):
        changed(AutoMixSpec(), {"block": {"inits": 1.0}})


def test_a_plain_value_replaces_a_mapping():
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
    given = {"a": {"b": 1, "c": 2}}
    assert merged(given, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
    assert given == {"a": {"b": 1, "c": 2}}


def test_large_images_have_small_alphas_for_small_networks():
    rows = alphas(1.0, cifar=0.5, large=1.0, fine=0.3)
    assert rows["imagenet"] == {"alpha": 1.0}
    assert rows["imagenet/small"] == {"alpha": 0.2}
    normal = normalized(rows)
    assert normal["cifar"] == {"alpha": 0.5, **CIFAR}
    assert normal["imagenet/small"] == {"alpha": 0.2, **IMAGENET}
