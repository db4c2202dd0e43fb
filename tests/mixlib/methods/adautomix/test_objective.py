"""AdAutoMix: masks and whole steps against loops over images, and who learns from what.

The loops are written from the formulas in the package's docstring.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

import mixlib
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.core.lam import Beta
from mixlib.core.net import Net
from mixlib.methods.adautomix import AdAutoMix, AdAutoMixSpec, adautomix, adautomix_spec
from mixlib.methods.adautomix.several import (
    SeveralMixBlock,
    Together,
    draw_shares,
    draw_sources,
)
from mixlib.methods.automix import BlockSpec, Features
from mixlib.methods.automix.schedules import constant
from tests.mixlib.methods.automix.golden_cases import tiny_resnet
from tests.mixlib.methods.automix.test_gradient_flow import batch, reached

FEATURES = Features("layer3", 8)
STRONG = replace(AdAutoMixSpec().block, init=1.0, init_value=1.0)


def make(spec: AdAutoMixSpec | None = None, **changes) -> AdAutoMix:
    torch.manual_seed(0)
    spec = replace(spec or AdAutoMixSpec(block=STRONG), **changes)
    return AdAutoMix(Net(tiny_resnet()), FEATURES, spec, steps=10).train()


def draws(n: int = 6, samples: int = 3, seed: int = 1) -> tuple[Together, Together]:
    rng = torch.Generator().manual_seed(seed)
    shares = torch.rand(n, samples, generator=rng) + 0.1
    shares = shares / shares.sum(1, keepdim=True)
    first, second = (draw_sources(n, samples, "permute", rng) for _ in range(2))
    return Together(first, shares), Together(second, shares)


def mask_by_loops(block: SeveralMixBlock, z, draw: Together, size):
    """Every image's logits one by one, position by position."""
    spec, out = block.spec, []
    for own, shares in zip(draw.source, draw.shares, strict=True):
        maps = []
        for i, share in zip(own, shares, strict=True):
            channel = share.expand(1, *z.shape[2:])
            maps.append(torch.cat([z[i], channel]) if spec.embed_lam else z[i])
        query, key, value = (
            [conv(m[None])[0].flatten(1) for m in maps]
            for conv in (block.query, block.key, block.value)
        )
        logits = []
        for i in range(len(maps)):
            similarity = sum(query[i].T @ key[j] for j in range(len(maps)) if j != i)
            attention = (similarity / query[i].shape[0] ** 0.5).softmax(1)
            logits.append((attention @ value[i][0]).reshape(z.shape[2:]))
        large = F.interpolate(
            torch.stack(logits)[None], size, mode=spec.upsample, align_corners=False
        )
        out.append(large[0].softmax(0))
    return torch.stack(out)


@pytest.mark.parametrize("samples", [2, 3, 5])
@pytest.mark.parametrize("embed_lam", [True, False])
def test_masks_are_those_of_a_loop_over_images(samples, embed_lam):
    rng = torch.Generator().manual_seed(samples)
    block = SeveralMixBlock(6, replace(STRONG, embed_lam=embed_lam), rng)
    z = torch.randn(4, 6, 3, 2, generator=rng)
    draw, _ = draws(4, samples)
    masks = block.masks(z, draw, (12, 8))
    torch.testing.assert_close(masks, mask_by_loops(block, z, draw, (12, 8)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(masks.sum(1), torch.ones(4, 12, 8))
    assert masks.std() > 0.05


@pytest.mark.parametrize("upsample", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("squash", ["before", "after"])
def test_masks_sum_to_one_however_they_are_enlarged(upsample, squash):
    rng = torch.Generator().manual_seed(0)
    spec = replace(STRONG, upsample=upsample, squash=squash, separate=False)
    masks = SeveralMixBlock(6, spec, rng).masks(
        5 * torch.randn(4, 6, 3, 3, generator=rng), draws(4)[0], (12, 12)
    )
    torch.testing.assert_close(masks.sum(1), torch.ones(4, 12, 12))
    assert masks.min() >= 0


@pytest.mark.parametrize("scope", ["batch", "sample"])
@pytest.mark.parametrize("samples", [2, 3, 4])
def test_shares_sum_to_one_and_sources_begin_with_the_sample(scope, samples):
    rng = torch.Generator().manual_seed(0)
    shares = draw_shares(Beta(1.0), 500, samples, scope, rng)
    torch.testing.assert_close(shares.sum(1), torch.ones(500, dtype=torch.float64))
    assert (len(shares[:, 0].unique()) == 1) == (scope == "batch")
    if scope == "sample":
        assert abs(float(shares[:, 0].mean()) - 1 / samples) < 0.05
    source = draw_sources(7, samples, "roll", rng)
    assert torch.equal(source[:, 0], torch.arange(7))
    assert all(sorted(column.tolist()) == list(range(7)) for column in source.T)
    assert (source[:, 1:] != source[:, :1]).all()


def mixed(x, draw: Together, masks):
    """Mixed images, one by one."""
    return torch.stack([
        sum(masks[b, k] * x[i] for k, i in enumerate(draw.source[b])) for b in range(len(x))
    ])  # fmt: skip


def parts(draw: Together, b: int):
    """Shares and sources of one image."""
    return zip(draw.shares[b], draw.source[b], strict=True)


def cost(logits, y, draw: Together):
    """Mixup cross-entropy, sample by sample."""
    each = [
        sum(w * F.cross_entropy(logits[b], y[i]) for w, i in parts(draw, b))
        for b in range(len(logits))
    ]
    return sum(each) / len(each)


@pytest.mark.parametrize("cosine", ["kept", "lowered"])
@pytest.mark.parametrize("first", [True, False])
def test_a_step_is_that_of_the_formulas(first, cosine):
    objective, (x, y), (for_k, for_q) = make(cosine=cosine), batch(), draws()
    objective.pair.step = 0 if first else 1
    step = objective.step(x, y, for_k, for_q)
    pair, spec = objective.pair, objective.spec
    with torch.no_grad():
        z = pair.k(x, tap=("layer3",))[1]["layer3"]
        clean = pair.logits("k", "mix", x)
        mask_k, mask_q = (
            mask_by_loops(objective.block, z, d, x.shape[-2:]) for d in (for_k, for_q)
        )
        of_k = pair.logits("k", "mix", mixed(x, for_k, mask_k))
        even = for_q.shares[:, :, None, None].expand(-1, -1, *x.shape[-2:])
        alike = torch.stack([
            sum(
                w * F.cosine_similarity(of_k[b], clean[i], dim=0)
                for w, i in parts(for_k, b)
            )
            for b in range(len(x))
        ]).mean()  # fmt: skip
        sign = -1 if cosine == "kept" else 1
        expected = {
            "one": 0.5 * F.cross_entropy(pair.logits("q", "one", x), y),
            "flat": 0.5 * cost(pair.logits("q", "mix", mixed(x, for_q, even)), y, for_q),
            "mix": cost(pair.logits("q", "mix", mixed(x, for_q, mask_q)), y, for_q),
        }
        mce = cost(of_k, y, for_k)
        if first:
            expected |= {"harder": -spec.beta * mce, "cosine": sign * (1 - spec.beta) * alike}
        else:
            expected |= {"generate": mce}
    assert step.terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(step.terms[name], value, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(step.loss, sum(expected.values()), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(step.mix.dense(), mask_q, atol=1e-5, rtol=1e-4)


def test_the_total_reaches_everything_trainable_and_k_nothing():
    objective, (x, y) = make(), batch()
    for i in range(2):
        loss = objective(x, y, torch.Generator().manual_seed(i)).loss
        assert reached(objective, loss) == {"pair.q", "pair.q_heads", "block"}
        objective.update_teacher(i)
    assert not any(p.requires_grad for p in objective.pair.k.parameters())


def of_block(objective: AdAutoMix, x, y, draw: Together):
    z, clean = objective.look(x)
    return objective.of_block(x, y, z, clean, draw)


@pytest.mark.parametrize(
    ("changes", "step", "rises"),
    [
        ({"beta": 1.0}, 0, {"cost": True}),
        ({"beta": 0.0}, 0, {"alike": True}),
        ({"beta": 0.0, "cosine": "lowered"}, 0, {"alike": False}),
        ({}, 1, {"cost": False}),
    ],
)
def test_the_block_moves_where_its_loss_says(changes, step, rises):
    objective, (x, y), (draw, _) = make(**changes), batch(), draws()
    objective.pair.step = step

    def seen() -> dict[str, float]:
        beta, objective.spec = objective.spec, replace(objective.spec, beta=0.5, cosine="lowered")
        at, objective.pair.step = objective.pair.step, 0
        with torch.no_grad():
            terms = of_block(objective, x, y, draw)[1]
        objective.spec, objective.pair.step = beta, at
        return {"cost": float(-terms["harder"]), "alike": float(terms["cosine"])}

    before = seen()
    optimizer = torch.optim.SGD(objective.block.parameters(), 0.02)
    for _ in range(5):
        optimizer.zero_grad()
        of_block(objective, x, y, draw)[0].backward()
        optimizer.step()
    after = seen()
    for what, up in rises.items():
        assert (after[what] > before[what]) == up, (before, after)


def test_q_sees_learned_masks_and_flat_ones_as_released():
    (x, y), (for_k, for_q) = batch(), draws()
    seen = make().step(x, y, for_k, for_q).mix
    assert seen.mask.std((2, 3)).max() > 0.01
    assert not seen.mask.requires_grad
    flat = make(adautomix_spec({"preset": "released"})).step(x, y, for_k, for_q).mix
    assert torch.equal(flat.mask, for_q.shares[:, :, None, None])
    assert torch.equal(seen.weight, for_q.shares)


def test_within_the_margin_a_mask_is_flat():
    (x, _), (_, draw) = batch(), draws()
    shares = torch.tensor([[0.98, 0.01, 0.01]] + [[0.4, 0.3, 0.3]] * 5)
    objective = make(lam_margin=0.03)
    mask = objective.mix_for_q(objective.look(x)[0], Together(draw.source, shares), x).mask
    assert torch.equal(mask[0], shares[0, :, None, None].expand_as(mask[0]))
    assert (mask[1:].std((2, 3)) > 0).all()


def test_a_resumed_run_goes_on_with_the_other_kind_of_step():
    objective, (x, y) = make(), batch()
    objective(x, y, torch.Generator().manual_seed(0)).loss.backward()
    objective.update_teacher(0)
    again = make()
    again.load_state_dict(objective.state_dict())
    steps = [made(x, y, torch.Generator().manual_seed(1)) for made in (objective, again)]
    assert "generate" in steps[1].terms
    assert torch.equal(steps[0].loss, steps[1].loss)


def test_the_teacher_follows_the_student():
    objective = make(momentum=constant(0.5))
    with torch.no_grad():
        for parameter in objective.pair.q.parameters():
            parameter.add_(1.0)
    before = [p.clone() for p in objective.pair.k.parameters()]
    objective.update_teacher(0)
    for old, new in zip(before, objective.pair.k.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.5)


@pytest.mark.parametrize("rule", [CrossEntropy(0.1), BinaryCrossEntropy(target="two-hot")])
@pytest.mark.parametrize("samples", [2, 4])
def test_other_losses_and_numbers_of_images(samples, rule):
    objective, (x, y) = make(samples=samples, rule=rule, scope="sample"), batch()
    step = objective(x, y, torch.Generator().manual_seed(0))
    assert step.loss.isfinite()
    assert step.mix.source.shape == (6, samples)


def test_labels_that_are_rows():
    model = tiny_resnet()
    objective = mixlib.objective("adautomix", model, steps=4, site="layer3", image=16)
    x, y = batch()
    rows = F.one_hot(y, 5).float()
    losses = []
    for labels in (y, rows):
        torch.manual_seed(0)
        step = objective.inner(x, labels, torch.Generator().manual_seed(0))
        losses.append(step.loss.detach())
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": 1},
        {"block": {"value": "partner"}},
        {"block": {"paired": True}},
        {"block": {"embed_lam": False, "lam_scale": 0.2}},
        {"beta": 1.5},
        {"cosine": "raised"},
    ],
)
def test_choices_that_it_has_not_are_refused(changes):
    with pytest.raises((TypeError, ValueError), match=r"samples|block|beta|cosine"):
        adautomix_spec(changes)


def test_what_does_not_exist_is_named():
    with pytest.raises(KeyError, match="paper"):
        adautomix_spec({"preset": "papr"})
    with pytest.raises(TypeError, match="samples"):
        adautomix_spec({"sample": 3})
    with pytest.raises(ValueError, match="mp_ce"):
        adautomix(Net(tiny_resnet()), steps=4, pipeline="none")
    assert adautomix_spec({"preset": "released"}).block == replace(
        BlockSpec(separate=True, squash="after", upsample="bilinear"), embed_lam=False
    )
