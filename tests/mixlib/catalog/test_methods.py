"""The catalog: rows resolve, families follow the AutoMix appendix, errors name the nearest
word."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mixlib.catalog.methods import FAMILIES, METHODS, method
from mixlib.core.policy import Policy


def test_the_catalog_needs_no_torch():
    code = "import sys, mixlib.catalog.methods; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", METHODS)
def test_every_policy_is_built_for_every_family(name):
    row = method(name)
    if row.objective == "once":
        for family in FAMILIES:
            for small in (False, True):
                policy = row.make(family, small)
                assert isinstance(policy, Policy)
                assert policy.needs <= row.needs
                assert row.rule or policy.needs == row.needs
    assert row.cite


def test_alphas_of_the_appendix():
    alphas = {
        (name, family, small): method(name).params_for(family, small)["alpha"]
        for name in ("mixup", "cutmix")
        for family in FAMILIES
        for small in (False, True)
    }
    assert alphas["mixup", "cifar", True] == 1
    assert alphas["cutmix", "cifar", True] == 0.2
    assert alphas["mixup", "imagenet", True] == 0.2
    assert alphas["mixup", "imagenet", False] == 1
    assert alphas["mixup", "inat", False] == 0.2
    assert alphas["cutmix", "inat", False] == 1
    assert alphas["cutmix", "inat", True] == 0.2
    assert alphas["cutmix", "deit", False] == alphas["mixup", "places", False] == 0.2
    assert alphas["cutmix", "fine", True] == 1


def test_errors_name_the_nearest_word():
    with pytest.raises(KeyError, match="did you mean 'cutmix'"):
        method("cutmx")
    with pytest.raises(KeyError, match="did you mean 'imagenet'"):
        method("mixup").params_for("imagnet")
