"""Single images follow the same laws as batches, and RandAugment's operations timm's."""

from dataclasses import replace

import numpy as np
import pytest
import timm.data.auto_augment as theirs
import torch
from PIL import Image

from mixlib.data import randaugment
from mixlib.data.augment_batch import draw, train_batch
from mixlib.data.augment_batch import test_batch as make_test_batch
from mixlib.data.augment_image import erase, train_picture
from mixlib.data.augment_image import test_picture as make_test_picture
from mixlib.data.augmentations import AUGMENTS, Augment
from mixlib.data.shapes.scenes import Shapes, render


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(render(Shapes(size=48), "train", 0).image)


@pytest.mark.parametrize("name", ["cifar", "tiny", "fine", "none"])
@pytest.mark.parametrize("seed", range(4))
def test_pictures_and_batches_agree_for_the_same_draws(picture, name, seed):
    augment = AUGMENTS[name].resized(48)
    x = torch.from_numpy(np.array(picture))[None]
    side = augment.before or 48
    draws = draw(augment, 1, side, side, torch.Generator().manual_seed(seed))
    batch = train_batch(x, augment, draws)[0].permute(1, 2, 0).float()
    single = train_picture(picture, augment, seed).float()
    test = make_test_batch(x, augment)[0].permute(1, 2, 0).float()
    test_single = make_test_picture(picture, augment).float()
    # PIL rounds and clips to 8 bits after each of its two passes, the batch does not: at white and
    # black pixels that is several gray levels.
    for error in ((batch - single).abs(), (test - test_single).abs()):
        assert error.mean() < 0.6
        assert (error > 2).float().mean() < 0.01
        assert error.max() < 16


@pytest.mark.parametrize("name", sorted(randaugment.OPERATIONS))
@pytest.mark.parametrize("level", [0.0, 3.3, 9.0, 10.0])
def test_operations_have_timms_strength(picture, name, level, monkeypatch):
    if name == "PosterizeIncreasing" and level == 10:
        pytest.skip("Pillow's posterize, and so timm, refuses to keep no bit")
    monkeypatch.setattr(theirs, "_randomly_negate", lambda value: value)
    levels = theirs.LEVEL_TO_ARG[name]
    arguments = levels(level, {"translate_pct": 0.45}) if levels else ()
    wanted = theirs.NAME_TO_OP[name](
        picture, *arguments, resample=Image.Resampling.BILINEAR, fillcolor=(124, 116, 104)
    )
    found = randaugment.apply(name, picture, level, 1, Image.Resampling.BILINEAR)
    assert np.array_equal(np.asarray(found), np.asarray(wanted))


def test_the_operations_are_timms_increasing_set():
    assert sorted(randaugment.OPERATIONS) == sorted(theirs._RAND_INCREASING_TRANSFORMS)


def test_half_of_the_operations_are_used():
    """Each of two operations is skipped with probability 1/2: 1/4 of the pictures stay."""
    flat = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5)
    same = [
        randaugment.augment_randomly(flat, 9.0, 0.5, np.random.default_rng(seed)) is flat
        for seed in range(2000)
    ]
    assert abs(np.mean(same) - 0.25) < 0.03


@pytest.mark.parametrize("name", ["deit", "rsb_a3"])
def test_pictures_repeat_for_one_seed_and_leave_the_global_generators_alone(picture, name):
    augment = replace(AUGMENTS[name].resized(32), color_jitter=0.4)
    state = torch.get_rng_state()
    first = train_picture(picture, augment, 5)
    assert first.shape == (32, 32, 3)
    assert first.dtype == torch.uint8
    assert torch.equal(first, train_picture(picture, augment, 5))
    assert not torch.equal(first, train_picture(picture, augment, 6))
    assert torch.equal(state, torch.get_rng_state())


def test_erasing_has_the_asked_share_and_area():
    x = torch.full((3, 24, 24), 7.0)
    erased = [erase(x, 0.25, seed) for seed in range(1500)]
    areas = torch.tensor([(e[0] != 7).float().mean().item() for e in erased])
    hit = areas > 0
    assert abs(hit.float().mean() - 0.25) < 0.04
    assert areas[hit].min() > 0.01
    assert areas[hit].max() < 0.36
    assert torch.equal(x, torch.full((3, 24, 24), 7.0))
    assert torch.equal(erase(x, 1.0, 3), erase(x, 1.0, 3))


def test_zero_padding_is_black():
    white = Image.new("RGB", (8, 8), "white")
    augment = Augment(8, "pad", padding=4, padding_mode="zero")
    shares = [(train_picture(white, augment, seed) == 0).float().mean() for seed in range(50)]
    assert 0.2 < np.mean(shares) < 0.6
