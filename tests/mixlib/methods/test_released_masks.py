"""The laws against masks that the released code produced with lambda and center forced."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.mix import Boxes, blend, pair
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.fmix import (
    brightest,
    columns_released,
    damping,
    field,
    field_released,
    frequencies,
)
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix


def box_of(lam: float, center: tuple[int, int], size: tuple[int, int]) -> Boxes:
    side = (torch.tensor(size).double() * (1 - torch.tensor(lam).double()).sqrt()).long()
    return clipped(torch.tensor([center]), side[None], size, "drop")


def test_hmix_masks_are_the_released_ones(golden):
    data = golden("theory/official_masks")
    for k, row in enumerate(data["hmix/meta"]):
        n, lam, ratio, y, x, label, kept = row[:7]
        size = (int(n), int(n))
        mask = HMix(float(ratio)).mask(torch.tensor([lam]), torch.tensor([[int(y), int(x)]]), size)[
            0
        ]
        assert abs(mask.mean().item() - label) < 1e-12
        assert abs(((mask > 0).double().mean().item()) - kept) < 1e-12
        np.testing.assert_array_equal(mask.float().numpy(), data[f"hmix/mask_{k}"])


def test_gmix_masks_are_the_released_ones(golden):
    data = golden("theory/official_masks")
    for k, (n, lam, y, x, label) in enumerate(data["gmix/meta"]):
        size = (int(n), int(n))
        mask = GMix().mask(torch.tensor([lam]), torch.tensor([[int(y), int(x)]]), size)[0]
        # the release computes in float32: one unit in the last place of 1 is 1.2e-7
        assert abs(mask.mean().item() - label) < 1.2e-7
        np.testing.assert_allclose(mask, data[f"gmix/mask_{k}"], rtol=0, atol=1.2e-7)
        # its expression in double precision is ours to the last digits
        place = np.arange(int(n))
        far = (place[:, None] - y) ** 2 + (place - x) ** 2
        kernel = np.exp(-np.pi * far / (min(lam, 1 - lam) * n * n))
        np.testing.assert_allclose(mask, kernel if lam < 0.5 else 1 - kernel, rtol=0, atol=1e-12)


def released_batch(kind: str, lam: float, center: tuple[int, int], size: tuple[int, int]):
    """(own image's mask [1, h, w], label share [1]) of the release's lambda and center."""
    if kind == "bbox":
        boxes = box_of(lam, center, size)
        return (~boxes.inside()).double(), boxes.share_outside()
    law = HMix(0.5) if kind == "hmix" else GMix()
    mask = law.mask(torch.tensor([lam]).double(), torch.tensor([center]), size)
    return mask, mask.mean(dim=(1, 2))


@pytest.mark.parametrize("kind", ["bbox", "hmix", "gmix"])
def test_whole_batches_are_the_released_ones(golden, kind):
    """The release's own call, alpha 1, ratio 0.5, partner = batch reversed, smoothing 0.1."""
    data = golden("theory/official_masks")
    x = torch.tensor(data[f"batch/{kind}/x_in"])
    size, classes = (x.shape[2], x.shape[3]), data[f"batch/{kind}/target"].shape[1]
    # the release's generator: whether to mix, lambda, center row, center column
    draws = np.random.RandomState(int(data["batch/seed"]))
    draws.rand()
    lam = draws.beta(1.0, 1.0)
    center = tuple(int(draws.randint(0, side)) for side in size)
    own, share = released_batch(kind, lam, center, size)
    mix = pair(torch.arange(len(x)).flip(0), own.float(), share)
    np.testing.assert_allclose(blend(mix, x), data[f"batch/{kind}/x_out"], rtol=0, atol=2e-6)
    smooth = 0.1 / classes + 0.9 * torch.eye(classes)
    target = (mix.weight[:, :, None] * smooth[mix.source % classes]).sum(1)
    np.testing.assert_allclose(target, data[f"batch/{kind}/target"], rtol=0, atol=1e-6)


def test_cutmix_masks_are_the_released_ones(golden):
    data = golden("theory/official_masks")
    for k, (n, lam, y, x, label) in enumerate(data["cutmix/meta"]):
        boxes = box_of(float(lam), (int(y), int(x)), (int(n), int(n)))
        assert boxes.share_outside().item() == label
        np.testing.assert_array_equal(~boxes.inside()[0].numpy(), data[f"cutmix/mask_{k}"] == 1)


def test_cutmix_boxes_are_the_released_ones(golden):
    data = golden("methods/cutmix_boxes")
    for k in range(int(data["n_cases"])):
        size = tuple(int(n) for n in data[f"c{k:02d}_shape"])
        for lam, y, x, top, left, bottom, right, share in data[f"c{k:02d}_rows"]:
            boxes = box_of(float(lam), (int(y), int(x)), size)
            t, le, h, w = boxes.edges[0].tolist()
            if h * w:
                assert (t, le, t + h, le + w) == (top, left, bottom, right)
            assert abs(boxes.share_outside().item() - share) < 1e-12


@pytest.mark.parametrize("mistake", ["odd sides kept", "sides rounded"])
def test_a_wrongly_rounded_box_is_caught(golden, monkeypatch, mistake):
    def wrong(lam: float, center: tuple[int, int], size: tuple[int, int]) -> Boxes:
        side = torch.tensor(size).double() * (1 - torch.tensor(lam).double()).sqrt()
        side = side.round().long() if mistake == "sides rounded" else side.long()
        odd = "keep" if mistake == "odd sides kept" else "drop"
        return clipped(torch.tensor([center]), side[None], size, odd)

    monkeypatch.setitem(globals(), "box_of", wrong)
    with pytest.raises(AssertionError):
        test_cutmix_boxes_are_the_released_ones(golden)


def test_hmix_and_gmix_of_the_method_fixture(golden):
    data = golden("methods/hmix_gmix")
    for k in range(int(data["n_cases"])):
        case = f"c{k:02d}_"
        lam = torch.tensor([float(data[case + "lam"])], dtype=torch.float64)
        center = torch.tensor(data[case + "center_rc"])[None]
        size = (int(data[case + "size"]),) * 2
        hmix = HMix(float(data[case + "r"])).mask(lam, center, size)[0]
        gmix = GMix().mask(lam, center, size)[0]
        np.testing.assert_allclose(hmix, data[case + "hmix_mask"], atol=1e-6)
        np.testing.assert_allclose(gmix, data[case + "gmix_mask"], atol=1e-6)
        # the whole weight is lambda, however much of the box the border cuts off
        assert abs(hmix.mean().item() - data[case + "hmix_lam"]) < 1e-6
        rows, columns = torch.nonzero(hmix == 0, as_tuple=True)
        if len(rows):
            ends = (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
            top, bottom, left, right = data[case + "hmix_box_r0r1c0c1"].tolist()
            assert [int(end) for end in ends] == [top, bottom, left, right]
        assert abs(gmix.mean().item() - data[case + "gmix_lam"]) < 1e-6


def test_fmix_fields_and_masks_are_the_released_ones(golden):
    data = golden("methods/fmix")
    for k in range(int(data["n_cases"])):
        case = {name[4:]: data[name] for name in data.files if name.startswith(f"c{k:02d}_")}
        size, decay = tuple(int(n) for n in case["shape"]), float(case["decay"])
        noise = torch.tensor(case["param"]).double()
        assert columns_released(size[1]) == noise.shape[2]
        expected = frequencies(size, noise.shape[2])[: len(case["freq"])]
        np.testing.assert_allclose(expected.abs(), case["freq"], atol=1e-12)
        bright = field_released(noise, size, decay)
        np.testing.assert_allclose(unit(bright[0]), case["field_released"], atol=1e-5)
        if "field_definition" in case:
            defined = field(noise, size, decay)
            np.testing.assert_allclose(unit(defined[0]), case["field_definition"], atol=1e-5)
        given = torch.tensor(case["field_released"]).double()[None]
        lam, soft = float(case["lam"]), float(case["max_soft"])
        band = int(given.numel() * min(soft, lam, 1 - lam))
        for name, count in [("ceil", np.ceil(lam * given.numel())), ("floor", None)]:
            count = np.floor(lam * given.numel()) if count is None else count
            mask = brightest(given, torch.tensor([int(count)]), torch.tensor([band]))[0]
            tied = given.numel() - len(given.unique())
            wrong = (mask - torch.tensor(case[f"mask_{name}"]).double()).abs() > 1e-3
            assert wrong.sum() <= tied


def unit(values: torch.Tensor) -> torch.Tensor:
    """The release's min-max scaling, which no mask depends on."""
    return (values - values.min()) / (values.max() - values.min())


def test_damping_is_floored_at_the_lowest_frequency():
    scale = damping(frequencies((8, 8), 5), (8, 8), 3.0)
    assert scale[0, 0] == scale[0, 1] == scale[1, 0] == pytest.approx(512.0)
