"""How much a recipe mixes: some of the batches, the first epochs only; and what refuses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS
from mixlib.core.choice import Choice
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.core.policy import Keep
from mixlib.methods.mixup import mixup
from mixlib.methods.relabel import relabel
from mixlib.training.fit import fit
from mixlib.training.recipes import check_recipe, recipe

CIFAR = recipe("cifar")


class Same:
    """A loader: the same batch twice an epoch."""

    def __len__(self):
        return 2

    def epoch(self, e, start_step=0):
        yield from [(torch.ones(4, 3, 4, 4), torch.arange(4))] * (2 - start_step)


def small() -> Net:
    return Net(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)))


@pytest.mark.parametrize(("until", "mixed"), [(None, [1, 1, 1]), (2, [1, 1, 0]), (0, [0, 0, 0])])
def test_nothing_is_mixed_after_the_last_mixed_epoch(until, mixed):
    seen: list[int] = []

    class Watched(MixOnce):
        def forward(self, x, y, rng):
            step = super().forward(x, y, rng)
            seen.append(int(step.mix.source.shape[1] == 2))
            return step

    short = replace(CIFAR, epochs=3, batch=4, mix_until=until, channels_last=False)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    fit(Watched(small(), mixup()), Same(), None, short, seed=0, fabric=fabric)
    assert seen == [kind for kind in mixed for _ in range(2)]


def test_a_share_of_the_batches_is_mixed():
    asked = replace(CIFAR, mix_prob=0.25)
    made = builder.objective("mixup", small(), {"alpha": 1.0}, asked, steps=2, seed=0)
    assert isinstance(made.policy, Choice)
    assert made.policy.odds == (0.25,)
    always = builder.objective("mixup", small(), {"alpha": 1.0}, CIFAR, steps=2, seed=0)
    assert not isinstance(always.policy, Choice)


def test_a_teachers_labels_stay_when_mixing_ends():
    policy = relabel(teacher=builder.net("resnet10_w16", 4, seed=0).model)
    left = policy.without_mixing()
    mix = left.draw(torch.zeros(4, 3, 32, 32), torch.arange(4), None, torch.Generator())
    assert mix.labels is not None
    assert mix.source.shape[1] == 1
    assert isinstance(mixup().without_mixing(), Keep)
    assert all(isinstance(p, Keep) for p in Choice((mixup(),), (0.5,)).without_mixing().policies)


@pytest.mark.parametrize("name", [n for n, row in METHODS.items() if row.objective != "once"])
@pytest.mark.parametrize("changes", [{"weight_ema": 0.9}, {"mix_prob": 0.5}, {"mix_until": 3}])
def test_objectives_of_their_own_refuse_what_they_cannot_do(name, changes):
    check_recipe(METHODS[name], CIFAR)
    with pytest.raises(ValueError, match=f"{name} is trained by an objective of its own"):
        check_recipe(METHODS[name], replace(CIFAR, **changes))


def test_learned_masks_cannot_stop():
    made = builder.objective(
        "automix", builder.net("resnet10_w16", 4, 0), {"preset": "paper", "site": "stage2"}, CIFAR,
        steps=2, seed=0,
    )  # fmt: skip
    with pytest.raises(ValueError, match="mix_until needs a method whose masks are drawn"):
        made.stop_mixing()


@pytest.mark.parametrize(("loss", "targets"), [("bce", [1.0, 1.0]), ("bce_share", [0.75, 0.25])])
def test_binary_losses_differ_in_their_targets(loss, targets):
    from mixlib.core.mix import pair

    rule = builder.rule(replace(CIFAR, loss=loss))
    mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.75, 0.75]))
    logits = torch.zeros(2, 2, requires_grad=True)
    rule(mix, logits, {}, torch.tensor([0, 1])).backward()
    # the gradient of one logit is (1/2 - target) / (samples * classes)
    assert torch.allclose(0.5 - 4 * logits.grad[0], torch.tensor(targets))
