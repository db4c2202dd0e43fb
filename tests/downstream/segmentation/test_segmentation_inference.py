"""Sliding windows, several scales, and a whole test set."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from downstream.errors import InputError
from downstream.segmentation.inference import (
    evaluate,
    normalizer,
    probabilities,
    resized,
    slide,
    starts,
)
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.settings import SegmentSettings

SETTINGS = SegmentSettings(crop=32, stride=20, short=32, longest=128, scales=(0.5, 1.0, 1.5))


class Pixelwise(nn.Module):
    """Logits of each pixel from its own color: windows make no difference."""

    def __init__(self):
        super().__init__()
        self.windows = []

    def forward(self, x):
        self.windows.append(tuple(x.shape[-2:]))
        return 3 * torch.cat([x, x.mean(1, keepdim=True)], 1)


@pytest.mark.parametrize(
    ("length", "wanted"), [(20, [0]), (32, [0]), (33, [0, 1]), (52, [0, 20]), (80, [0, 20, 40, 48])]
)
def test_windows_cover_the_side_and_end_at_the_border(length, wanted):
    assert starts(length, 32, 20) == wanted


@pytest.mark.parametrize("size", [(32, 32), (20, 70), (61, 45)])
def test_windows_of_a_pixelwise_network_change_nothing(size):
    x = torch.rand(2, 3, *size)
    model = Pixelwise()
    torch.testing.assert_close(slide(model, x, 32, 20), model(x))
    assert set(model.windows[:-1]) == {(32, 32)}


def test_overlapping_windows_are_averaged():
    class Corner(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 1, 4, 4) + x[:, :1, :1, :1]

    x = torch.arange(6.0).expand(1, 3, 4, 6)
    found = slide(Corner(), x, 4, 2)[0, 0, 0]
    assert found.tolist() == [0, 0, 1, 1, 2, 2]


def test_images_are_resized_by_their_short_side_unless_they_grow_too_long():
    assert resized(360, 480, 512, 2048) == (512, 683)
    assert resized(100, 1000, 512, 2048) == (205, 2048)


def test_probabilities_at_one_scale_are_the_softmax_at_the_images_own_size():
    x = torch.rand(1, 3, 48, 64)
    model = Pixelwise()
    small = F.interpolate(x, (32, 43), mode="bilinear", align_corners=False)
    wanted = F.interpolate(model(small), (48, 64), mode="bilinear", align_corners=False).softmax(1)
    torch.testing.assert_close(probabilities(model, x, SETTINGS), wanted)


def test_several_scales_are_averaged_with_their_mirror_images():
    class Left(nn.Module):
        """Sees the first column, so that mirroring matters."""

        def forward(self, x):
            return torch.cat([x[:, :1], x[:, 1:2] * x[..., :1].mean()], 1)

    x = torch.rand(1, 3, 32, 32)
    own = [
        probabilities(Left(), view, SETTINGS, (scale,)).flip(-1 if mirror else ())
        for scale in SETTINGS.scales
        for mirror, view in ((False, x), (True, x.flip(-1)))
    ]
    found = probabilities(Left(), x, SETTINGS, SETTINGS.scales, mirrored=True)
    torch.testing.assert_close(found, sum(own) / 6)
    torch.testing.assert_close(found.sum(1), torch.ones(1, 32, 32))
    with pytest.raises(InputError, match="at least one scale"):
        probabilities(Left(), x, SETTINGS, ())


@dataclass
class Colored:
    """Images whose classes are their brightest channel, some pixels ignored."""

    count: int = 3
    wrong: int = 0

    names = ("red", "green", "blue", "gray")

    def __len__(self):
        return self.count

    def image(self, number):
        rng = np.random.default_rng(number)
        blocks = rng.integers(0, 3, (4, 5))
        colors = 40 + 180 * np.eye(3)[blocks]
        return colors.repeat(16, 0).repeat(16, 1).astype(np.uint8)

    def mask(self, number):
        mask = self.image(number).argmax(-1).astype(np.uint8)
        mask[:2] = IGNORE
        mask[5:10, : self.wrong] = 3
        return mask[:, :-1] if self.wrong > 50 else mask


@pytest.mark.parametrize("multi_scale", [False, True])
def test_a_test_set_is_measured_at_its_own_size(multi_scale):
    seen = []
    prepare = normalizer((0.0,) * 3, (1.0,) * 3)
    settings = SegmentSettings(crop=64, stride=64, short=64, longest=128, scales=(1.0,))
    found = evaluate(
        Pixelwise(), Colored(), prepare, settings, multi_scale, lambda *done: seen.append(done)
    )
    metrics = found.metrics()
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert metrics["mIoU"] == metrics["aAcc"] == 100
    assert found.counts.sum() == 3 * 62 * 80
    assert metrics["classes"] == 3
    lower = evaluate(Pixelwise(), Colored(wrong=10), prepare, settings).metrics()
    assert lower["aAcc"] == pytest.approx(100 * (1 - 50 / (62 * 80)))
    assert lower["mAcc"] < 80


def test_test_sets_that_cannot_be_measured_are_refused():
    prepare = normalizer((0.0,) * 3, (1.0,) * 3)
    with pytest.raises(InputError, match="empty test set"):
        evaluate(Pixelwise(), Colored(0), prepare, SETTINGS)
    with pytest.raises(InputError, match=r"mask's size \[64, 79\]"):
        evaluate(Pixelwise(), Colored(wrong=60), prepare, SETTINGS)

    class Two(Pixelwise):
        def forward(self, x):
            return super().forward(x)[:, :2]

    with pytest.raises(InputError, match="dataset's 4 classes, found one of 2"):
        evaluate(Two(), Colored(), prepare, SETTINGS)
