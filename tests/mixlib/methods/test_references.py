"""Mixup, CutMix and the losses of mixed labels, as OpenMixup recorded them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.core.mix import Mix, blend, identity, pair
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.decoupledmix import Decoupled


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize(("name", "case"), [("", 0), ("", 1), ("_b", 0), ("_b", 1), ("_b", 2)])
def test_mixup_images(golden, name, case):
    data, at = golden(f"automix/mixup{name}"), f"c{case}_"
    x, y, partner = (tensor(data[key]) for key in ("x", "y", at + "perm"))
    lam = tensor(data[at + "lam"])[None]
    mix = pair(partner, lam.float()[:, None, None], lam)
    torch.testing.assert_close(blend(mix, x), tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)
    assert torch.equal(y[mix.source[:, 1]], tensor(data[at + "yb"]))


@pytest.mark.parametrize("case", range(5))
def test_cutmix_images(golden, case):
    data, at = golden("automix/cutmix"), f"c{case}_"
    x, lam = tensor(data["x"]), float(data[at + "lam"])
    side = int(16 * np.sqrt(1 - lam))
    center = torch.tensor([[int(data[at + "cx_rows"]), int(data[at + "cy_cols"])]])
    boxes = clipped(center, torch.tensor([[side, side]]), (16, 16), "drop")
    assert torch.equal(boxes.inside()[0].to(torch.uint8), tensor(data[at + "mask"]))
    top, left, height, width = boxes.edges[0].tolist()
    if height * width:  # an empty box lies nowhere
        assert [top, top + height, left, left + width] == data[at + "box_r0r1c0c1"].tolist()
    mix = pair(tensor(data[at + "perm"]), boxes, boxes.share_outside())
    assert abs(float(mix.weight[0, 0]) - float(data[at + "lam_adj"])) < 1e-6
    assert torch.equal(blend(mix, x), tensor(data[at + "img"]))


def labeled(data, lam: torch.Tensor) -> tuple[Mix, torch.Tensor, torch.Tensor]:
    """The recorded batch twice, labeled y_a and y_b, each half the other's partner: every pair
    then counts twice, and means are those of the record."""
    ya, yb = tensor(data["ya"]), tensor(data["yb"])
    source = torch.stack([torch.arange(14), torch.arange(14).roll(7)], 1)
    share = torch.cat([lam, 1 - lam]).float()
    mix = Mix(source, torch.stack([share, 1 - share], 1), torch.ones(1, 2, 1, 1) / 2)
    return mix, torch.cat([ya, yb]), tensor(data["logits"]).repeat(2, 1)


@pytest.mark.parametrize("case", range(3))
def test_losses(golden, case):
    data, at = golden("automix/mix_losses"), f"c{case}_"
    mix, y, logits = labeled(data, tensor(data[at + "lam"]).expand(7))
    ours = {
        "hard_ce": CrossEntropy(),
        "soft_ce": CrossEntropy(),
        "soft_ce_neg05": CrossEntropy(),  # its extra weight on negatives is lost in the release
        "labelsmooth01": CrossEntropy(0.1),
        "decouple_eta01": Decoupled(weight=0.1),
    }
    for name, rule in ours.items():
        expected = tensor(data[at + name])
        found = rule(mix, logits, {}, y)
        if expected.isfinite():
            torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
        else:  # OpenMixup's decoupled loss at lambda = 1/2
            assert found.isfinite()
    unmixed = identity(14)
    torch.testing.assert_close(
        Decoupled()(unmixed, logits, {}, y), CrossEntropy()(unmixed, logits, {}, y)
    )
    source, weight = torch.arange(14)[:, None].expand(-1, 3), torch.full((14, 3), 1 / 3)
    with pytest.raises(ValueError, match="pairs, got 3"):
        Decoupled()(Mix(source, weight, weight[:, :, None, None]), logits, {}, y)


def test_losses_of_one_lambda_per_sample(golden):
    data = golden("automix/mix_losses")
    mix, y, logits = labeled(data, tensor(data["lam_vec"]))
    found = CrossEntropy()(mix, logits, {}, y)
    for name in ("vec_soft_ce_correct", "vec_hard_ce_correct"):
        torch.testing.assert_close(found, tensor(data[name]), atol=2e-6, rtol=1e-5)
    assert abs(float(found) - float(data["vec_hard_ce_openmixup_mean"])) > 0.1


@pytest.mark.parametrize("case", range(3))
def test_binary_losses(golden, case):
    data, at = golden("automix/mix_losses"), f"c{case}_"
    mix, y, logits = labeled(data, tensor(data[at + "lam"]).expand(7))
    for target, name in (("share", "bce_sum1"), ("two-hot", "bce_twohot")):
        found = BinaryCrossEntropy(target, reduction="sum")(mix, logits, {}, y)
        torch.testing.assert_close(found, tensor(data[at + name]), atol=2e-6, rtol=1e-5)
