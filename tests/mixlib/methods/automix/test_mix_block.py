"""The Mix Block, its losses and schedules against the released numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.mix_block import BlockSpec, MixBlock, scaled_lam
from mixlib.methods.automix.schedules import LamWeight, Momentum
from tests.mixlib.methods.automix import golden_cases as cases


@pytest.mark.parametrize("name", cases.BLOCKS)
def test_the_released_block(golden, name):
    cases.check_block(golden(f"automix/mixblock_{name}"))


def test_released_lambda_losses(golden):
    fixture = golden("automix/mask_losses")
    kinds = [("l1", 0.0), ("sparsity", 0.0), ("l1", 2.0), ("l2", 2.0)]
    assert len(fixture["table"]) == 48
    for case, mode, margin, lam, expected in fixture["table"]:
        kind, variance = kinds[int(mode)]
        own = cases.tensor(fixture[f"mask_{int(case)}"])[:, 0]
        loss = LamLoss(kind, "batch", float(margin), variance)(own, torch.tensor([lam]))
        cases.close(loss, np.float32(expected), 2e-6, 1e-5)


def test_lambda_loss_per_sample_does_not_let_errors_cancel():
    own = torch.stack([torch.full((2, 2), 0.9), torch.full((2, 2), 0.1)])
    lam = torch.tensor([0.5])
    assert LamLoss(scope="batch")(own, lam) == 0
    torch.testing.assert_close(LamLoss(scope="sample")(own, lam), torch.tensor(0.3))
    torch.testing.assert_close(
        LamLoss(scope="sample")(own, torch.tensor([0.9, 0.5])), torch.tensor(0.15)
    )


SCHEDULES = {
    "ema_cifar": Momentum(end=0.999999, hold=0.1),
    "ema_imagenet": Momentum(end=0.99999, hold=0.1),
    "ema_deit": Momentum(end=0.99999, hold=0.25),
    "ema_scope0": Momentum(start=0.99, end=1.0, copy_first=True),
    "ema_linear_warm": Momentum(start=0.99, end=0.9999, hold=0.1, warm="linear"),
    "mask_loss_weight_openmixup_compounding": LamWeight(shape="compounding"),
    "mask_loss_weight_intended_cosine": LamWeight(shape="cosine"),
    "mask_loss_weight_paper_linear": LamWeight(shape="linear"),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_released_schedules(golden, name):
    expected = golden("automix/automix_schedules")[name]
    values = SCHEDULES[name].values(len(expected))
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, atol=1e-10, rtol=1e-8)


def test_paper_schedules():
    assert Momentum().values(1000)[0] == pytest.approx(0.999)
    assert Momentum().values(1000)[-1] == pytest.approx(1, abs=1e-8)
    assert (np.diff(Momentum().values(1000)) > 0).all()
    assert (LamWeight(shape="constant").values(5) == 0.1).all()
    assert (Momentum(0.0, 0.0).values(5) == 0).all()
    with pytest.raises(ValueError, match="start must be at most end"):
        Momentum(0.9, 0.5)


VARIANTS = [
    BlockSpec(embed_lam=embed, separate=separate, value=value, squash=squash, upsample=upsample)
    for embed, separate, value, squash, upsample in itertools.product(
        (True, False),
        (True, False),
        ("own", "partner"),
        ("before", "after"),
        ("nearest", "bilinear", "bicubic"),
    )
]


@pytest.mark.parametrize("spec", VARIANTS, ids=repr)
def test_every_variant_gives_a_mask(spec):
    rng = torch.Generator().manual_seed(0)
    block = MixBlock(6, spec, rng)
    z = torch.randn(3, 6, 2, 3, generator=rng) * 30
    lam = torch.rand(3, generator=rng)
    with torch.no_grad():
        for part in block.parameters():
            part.normal_(std=3, generator=rng)
    mask = block(z, torch.tensor([1, 2, 0]), lam, (8, 12))
    assert mask.shape == (3, 8, 12)
    assert mask.min() >= 0
    assert mask.max() <= 1
    mask.sum().backward()
    assert all(part.grad is not None for part in block.parameters())


def test_nearest_makes_the_place_of_the_sigmoid_irrelevant():
    z = torch.randn(3, 4, 2, 2)
    masks = []
    for squash in ("before", "after"):
        block = MixBlock(4, BlockSpec(squash=squash), torch.Generator().manual_seed(1))
        masks.append(block(z, torch.tensor([2, 0, 1]), torch.tensor([0.3]), (4, 4)))
    assert torch.equal(*masks)


def test_first_masks_are_half_whatever_lambda_is():
    block = MixBlock(256, BlockSpec(), torch.Generator().manual_seed(0))
    z = torch.randn(4, 256, 4, 4).relu()
    for lam in (0.0, 0.9):
        mask = block(z, torch.tensor([1, 2, 3, 0]), torch.tensor([lam]), (8, 8))
        assert (mask - 0.5).abs().max() < 0.2


def test_parameter_counts_of_the_paper_and_the_release():
    def count(spec: BlockSpec, channels: int) -> int:
        block = MixBlock(channels, spec, torch.Generator())
        return sum(part.numel() for part in block.parameters())

    # facts: the released ResNet-18 block has 33,153 parameters without lambda
    assert count(BlockSpec(embed_lam=False), 256) == 33_153
    # ImageNet ResNet-50, lambda embedded: 0.526 M
    assert count(BlockSpec(), 1024) == pytest.approx(526e3, rel=2e-3)
    # Table 11, R-18 on Tiny-ImageNet: 11.271 M, a second head of 102,600, separate projections
    backbone, head = 11.271e6, 512 * 200 + 200
    for channels, millions in ((256, 11.44), (512, 11.64)):
        total = backbone + head + count(BlockSpec(embed_lam=False, separate=True), channels)
        assert total / 1e6 == pytest.approx(millions, abs=0.006)


def test_similarity_stays_in_single_precision_under_autocast():
    block = MixBlock(8, BlockSpec(), torch.Generator().manual_seed(0))
    z = torch.randn(2, 8, 4, 4)
    full = block(z, torch.tensor([1, 0]), torch.tensor([0.4]), (8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        half = block(z, torch.tensor([1, 0]), torch.tensor([0.4]), (8, 8))
    assert half.dtype == torch.float32
    assert torch.equal(full, half)


def test_samix_scaling_is_symmetric():
    lam = torch.linspace(0, 1, 11, dtype=torch.float64)
    scaled = scaled_lam(lam, 0.25)
    torch.testing.assert_close(scaled + scaled.flip(0), torch.ones_like(lam))
    assert scaled[0] == 0
    with pytest.raises(ValueError, match="either"):
        BlockSpec(embed_lam=True, lam_scale=0.25)
