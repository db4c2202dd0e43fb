"""Optimizers: who is decayed, and which schedule a group follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from mixlib.catalog.build import net
from mixlib.core.objective import MixOnce
from mixlib.methods.mixup import mixup
from mixlib.training.optimizers import build, exempt, rates, set_rates
from mixlib.training.recipes import Recipe

RECIPE = Recipe("test", "test", epochs=2, weight_decay=0.1)


def groups() -> dict[str, list[nn.Parameter]]:
    return {
        "net": list(nn.Linear(2, 3).parameters()),
        "block": list(nn.Conv2d(1, 1, 1).parameters()),
    }


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "lamb"])
def test_biases_are_decayed_only_where_all_is(optimizer):
    for decay_all, expected in ((True, {0.1}), (False, {0.1, 0.0})):
        recipe = replace(RECIPE, optimizer=optimizer, decay_all=decay_all)
        made = build(groups(), recipe)
        assert {group["weight_decay"] for group in made.param_groups} == expected
        for group in made.param_groups:
            for p in group["params"]:
                assert (group["weight_decay"] > 0) == (decay_all or p.ndim > 1)


@pytest.mark.parametrize("name", ["deit_tiny", "swin_tiny", "pvt_tiny"])
@pytest.mark.parametrize("decay_all", [True, False])
def test_positions_and_class_tokens_of_a_network_are_not_decayed(name, decay_all):
    """DeiT's own rule, by timm's word for it."""
    objective = MixOnce(net(name, 10, seed=0), mixup())
    recipe = replace(RECIPE, optimizer="adamw", decay_all=decay_all)
    made = build(objective.groups(), recipe, exempt(objective))
    plain = {p for group in made.param_groups if not group["weight_decay"] for p in group["params"]}
    names = {n: p in plain for n, p in objective.net.model.named_parameters()}
    spared = ("pos_embed", "cls_token", "relative_position_bias_table")
    where = [n for n in names if n.endswith(spared)]
    assert where or name == "pvt_tiny"
    for n, p in objective.net.model.named_parameters():
        assert names[n] == (not decay_all and (p.ndim <= 1 or n in where)), n


def test_every_group_gets_the_rate_of_its_name():
    recipe = replace(RECIPE, block_lr=0.02)
    made = build(groups(), recipe)
    set_rates(made, rates(recipe, 2, 3), 0)
    assert {g["name"]: g["lr"] for g in made.param_groups} == {"net": 0.1, "block": 0.02}


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="sgd, adamw or lamb, got 'adam'"):
        build(groups(), replace(RECIPE, optimizer="adam"))
