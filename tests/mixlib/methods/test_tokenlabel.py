"""TokenLabeling and MixToken: labels of tokens, by hand and as the release pairs them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import mixlib
from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS
from mixlib.core.lam import Fixed
from mixlib.core.mix import blend
from mixlib.core.policy import ByLaw
from mixlib.methods.cutmix import Box
from mixlib.methods.mixtoken import mixtoken
from mixlib.methods.tokenlabel import TokenLabels, patch_tokens, tokenlabel
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.models.score_maps import token_targets
from mixlib.training.recipes import recipe
from tests.mixlib.small_vit import CLASSES, batch, falling, small_vit


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def teacher():
    return builder.net("resnet10_w16_dense", CLASSES, 0)


def soft_ce(logits, rows):
    return -(rows * logits.log_softmax(-1)).sum(-1).mean()


def outputs(objective: TokenLabels, x, mix=None):
    """Class logits [B, Y] and token logits [B, T, Y], with the patches mixed as given."""
    edit = {}
    if mix is not None:

        def mixing(z):
            patches = z.transpose(1, 2).unflatten(2, (4, 4))
            return blend(mix, patches).flatten(2).transpose(1, 2)

        edit = {"patch_embed": mixing}
    logits, seen = objective.net(x, edit=edit, tap=("last",))
    return logits, objective.token_head(seen["last"][:, 1:])


@pytest.mark.parametrize("released", [False, True])
def test_tokenlabel_by_hand(released):
    objective = tokenlabel(
        small_vit(), teacher=teacher(), of_image="teacher" if released else "class", weight=0.7
    )
    x, y = batch(4)
    step = objective(x, y, rng())
    logits, tokens = outputs(objective, x)
    targets = MapTeacher(teacher()).tokens(x, (4, 4))
    image = targets[:, :, 0] if released else torch.nn.functional.one_hot(y, CLASSES)
    expected = soft_ce(logits, image), soft_ce(tokens, targets[:, :, 1:].mT)
    torch.testing.assert_close(step.terms["image"], expected[0].detach())
    torch.testing.assert_close(step.terms["tokens"], expected[1].detach())
    torch.testing.assert_close(step.loss, expected[0] + 0.7 * expected[1])


def test_labels_stay_with_the_release_s_swapped_tokens():
    objective = mixtoken(small_vit(), teacher=teacher(), **METHODS["mixtoken"].released)
    x, y = batch(4)
    targets = MapTeacher(teacher()).tokens(x, (4, 4))
    compared = 0
    for seed in range(6):
        step = objective(x, y, rng(seed))
        logits, tokens = outputs(objective, x, step.mix)
        top, left, height, width = step.mix.mask.edges[0].tolist()
        # the release: outputs inside the box go back to the partner, which is its partner's partner
        grid = tokens.unflatten(1, (4, 4))
        back = grid.clone()
        rows, columns = slice(top, top + height), slice(left, left + width)
        back[:, rows, columns] = grid.flip(0)[:, rows, columns]
        share = 1 - height * width / 16
        image = share * targets[:, :, 0] + (1 - share) * targets[:, :, 0].flip(0)
        expected = soft_ce(logits, image) + soft_ce(back.flatten(1, 2), targets[:, :, 1:].mT)
        torch.testing.assert_close(step.loss, expected)
        compared += 0 < share < 1
    assert compared >= 3


@pytest.mark.parametrize("pairing", ["roll", "permute", "reverse"])
def test_every_token_has_the_label_of_the_image_that_it_came_from(pairing):
    objective = mixtoken(small_vit(), teacher=teacher(), pairing=pairing)
    x, y = batch(5)
    targets = MapTeacher(teacher()).tokens(x, (4, 4))
    step = objective(x, y, rng(2))
    _, tokens = outputs(objective, x, step.mix)
    of_partner = step.mix.mask.inside().flatten(1)
    assert of_partner.any()
    total = 0.0
    for b in range(5):
        for p in range(16):
            came_from = int(step.mix.source[b, int(of_partner[b, p])])
            total = total + soft_ce(tokens[b, p], targets[came_from, :, 1 + p]) / 80
    torch.testing.assert_close(step.terms["tokens"], total.detach())


def test_mixtoken_with_lambda_one_is_tokenlabel():
    x, y = batch(4)
    plain = tokenlabel(small_vit(), teacher=teacher())
    mixing = TokenLabels(small_vit(), teacher(), ByLaw(Box(), Fixed(1.0)))
    first, second = plain(x, y, rng()), mixing(x, y, rng())
    torch.testing.assert_close(first.loss, second.loss)
    for step in (first, second):
        step.loss.backward()
    for (name, a), b in zip(plain.named_parameters(), mixing.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


@pytest.mark.parametrize("build", [tokenlabel, mixtoken])
def test_it_trains(build):
    taught, (x, y) = teacher(), batch(8)
    objective = build(small_vit(), teacher=taught)
    first, last = falling(objective, x, y)
    assert last < 0.95 * first
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or name.endswith("k.bias"), name
    # the teacher is neither trained nor saved with it
    assert not [name for name in objective.state_dict() if "teacher" in name]
    assert all(parameter.grad is None for parameter in taught.parameters())


def test_the_prediction_adds_half_of_the_strongest_token():
    objective = tokenlabel(small_vit(), teacher=teacher()).eval()
    x, _ = batch(3)
    logits, tokens = outputs(objective, x)
    expected = logits + 0.5 * tokens.max(1).values
    torch.testing.assert_close(objective.predictor()(x), expected)
    objective.at_test = 0.0
    torch.testing.assert_close(objective.predictor()(x), logits)


def test_stored_maps_need_no_teacher():
    objective = mixtoken(small_vit())
    x, y = batch(3)
    maps = torch.randn(3, CLASSES, 15, 15, generator=rng())
    crop = torch.tensor([[0.1, 0.2, 0.5, 0.6]]).expand(3, 4)
    step = objective.learn(x, token_targets(maps, crop, 4), rng())
    assert step.loss.isfinite()
    with pytest.raises(ValueError, match="4 x 4 tokens, got 10"):
        objective.learn(x, token_targets(maps, crop, 3), rng())
    with pytest.raises(ValueError, match=r"need a teacher.*objective.learn"):
        objective(x, y, rng())


def test_images_that_are_not_square():
    net = small_vit(dynamic_img_size=True)
    x, y = batch(3, (32, 48))
    step = mixtoken(net, teacher=teacher())(x, y, rng(1))
    assert step.mix.mask.size == (4, 6)
    step.loss.backward()
    assert net.model.patch_embed.proj.weight.grad.abs().sum() > 0


def test_a_recipe_s_smoothing_holds_for_image_and_tokens():
    words = {"teacher": teacher(), "weight": 1.0}
    # its average is refused around an objective that has none
    smoothed = replace(recipe("imagenet_deit"), weight_ema=None)
    objective = builder.objective("tokenlabel", small_vit(), words, smoothed, steps=1, seed=0)
    x, y = batch(4)
    step = objective(x, y, rng())
    logits, tokens = outputs(objective, x)
    targets = MapTeacher(teacher()).tokens(x, (4, 4))
    image = torch.nn.functional.one_hot(y, CLASSES) * 0.9 + 0.1 / CLASSES
    parts = targets[:, :, 1:].mT * 0.9 + 0.1 / CLASSES
    torch.testing.assert_close(step.loss, soft_ce(logits, image) + soft_ce(tokens, parts))


def test_wrong_networks_and_words():
    with pytest.raises(ValueError, match=r"transformer with a class token.*ResNet"):
        tokenlabel(teacher(), teacher=teacher())
    with pytest.raises(ValueError, match=r"1 prefix tokens .* and 16 patch tokens, got 18"):
        patch_tokens(torch.zeros(1, 18, 4), 16)
    with pytest.raises(ValueError, match=r"mixlib.objective\('mixtoken', model, steps=...\)"):
        mixlib.build("mixtoken", teacher=teacher())
