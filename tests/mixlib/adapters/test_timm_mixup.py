"""In the place of timm.data.Mixup: the same words, the same distribution of what comes out."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from timm.data import Mixup as Theirs

from mixlib.adapters.timm_mixup import Mixup

CLASSES = 8
MODES = ("batch", "pair", "elem")


def batch(n: int = 8, side: int = 16):
    """One-hot images: the mean over the pixels is the share of every source."""
    x = torch.eye(n)[:, :, None, None].expand(n, n, side, side).contiguous()
    return x, torch.arange(n)


def test_the_words_are_timms():
    theirs, ours = (inspect.signature(kind.__init__).parameters for kind in (Theirs, Mixup))
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "words",
    [
        {"mixup_alpha": 0.8, "cutmix_alpha": 1.0},
        {"mixup_alpha": 0.0, "cutmix_alpha": 1.0, "correct_lam": False},
        {"mixup_alpha": 0.4, "prob": 0.5},
        {"mixup_alpha": 0.0, "cutmix_minmax": (0.2, 0.7)},
    ],
    ids=str,
)
def test_shares_and_targets_have_timms_distribution(mode, words):
    np.random.seed(0)  # noqa: NPY002 - timm draws from it
    theirs = Theirs(**words, mode=mode, num_classes=CLASSES, label_smoothing=0.1)
    ours = Mixup(**words, mode=mode, num_classes=CLASSES, label_smoothing=0.1)
    found = {}
    for key, mixup in (("theirs", theirs), ("ours", ours)):
        own, label = [], []
        for _ in range(300):
            x, y = batch()
            images, target = mixup(x.clone(), y)
            # one sample per call: within a batch or pair they are not independent
            # rounded, or an unmixed sample's 0.9125 would be told from 0.91249996
            own.append(round(images[0].mean((1, 2))[0].item(), 4))
            label.append(round(target[0, 0].item(), 4))
        found[key] = (own, label)
        assert target.shape == (8, CLASSES)
        torch.testing.assert_close(target.sum(1), torch.ones(8))
    for ours_, theirs_ in zip(found["ours"], found["theirs"], strict=True):
        assert ks_2samp(ours_, theirs_).pvalue > 1e-3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 5, 8])
def test_images_and_labels_agree_in_any_batch(mode, n):
    x, y = batch(n)
    kept = x.clone()
    mixup = Mixup(0.8, 1.0, mode=mode, num_classes=n, label_smoothing=0.0)
    for _ in range(10):
        images, target = mixup(x, y)
        torch.testing.assert_close(images.mean((2, 3)), target, atol=1e-5, rtol=0)
    assert torch.equal(x, kept)


def test_pairs_share_their_lambda():
    x, y = batch()
    images, _ = Mixup(1.0, mode="pair", num_classes=8)(x, y)
    own = images.mean((2, 3)).diagonal()
    torch.testing.assert_close(own, own.flip(0))


def test_it_can_be_switched_off():
    x, y = batch()
    mixup = Mixup(num_classes=CLASSES, label_smoothing=0.1)
    mixup.mixup_enabled = False
    images, target = mixup(x, y)
    assert torch.equal(images, x)
    assert target[0, 0] == pytest.approx(0.9 + 0.1 / CLASSES)


def test_dense_labels():
    x, _ = batch()
    dense = (torch.rand(8, CLASSES, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    words = {"num_classes": CLASSES, "multi_label": True, "label_smoothing": 0.2}
    _, target = Mixup(**words)(x, dense)
    assert target.min() >= 0.1 - 1e-6
    assert target.max() <= 0.9 + 1e-6
    with pytest.raises(ValueError, match="multi_label expects"):
        Mixup(**words)(x, torch.arange(8))


def test_wrong_words():
    with pytest.raises(ValueError, match="must be active"):
        Mixup(mixup_alpha=0.0)
    with pytest.raises(ValueError, match="batch, pair or elem"):
        Mixup(mode="sample")
    with pytest.raises(ValueError, match="min <= max"):
        Mixup(cutmix_minmax=(0.5, 0.2))
