"""The batched augmentations obey torchvision's laws, and repeat for the same generator."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tvf
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from mixlib.data.augment_batch import (
    Draws,
    crop_pad,
    crop_resize,
    draw,
    normalize,
    random_boxes,
    resize_shorter,
    train_batch,
)
from mixlib.data.augment_batch import test_batch as make_test_batch
from mixlib.data.augmentations import AUGMENTS, Augment, magnitude

BICUBIC = v2.InterpolationMode.BICUBIC


def pixels(count=4, height=12, width=12, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, generator=rng)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(5, 40),
    width=st.integers(5, 40),
    size=st.integers(3, 48),
    kind=st.sampled_from(["bilinear", "bicubic"]),
    data=st.data(),
)
def test_crop_resize_is_torchvisions_antialiased_resized_crop(height, width, size, kind, data):
    h = data.draw(st.integers(1, height))
    w = data.draw(st.integers(1, width))
    top = data.draw(st.integers(0, height - h))
    left = data.draw(st.integers(0, width - w))
    x = pixels(1, height, width)
    draws = Draws(torch.tensor([[top, left, h, w]]), torch.tensor([False]))
    planes = x.permute(0, 3, 1, 2).float()
    mode = BICUBIC if kind == "bicubic" else v2.InterpolationMode.BILINEAR
    wanted = tvf.resized_crop(planes, top, left, h, w, [size, size], mode, antialias=True)
    found = crop_resize(x, draws, size, kind)
    assert torch.allclose(found, wanted.clamp(0, 255), atol=0.02)
    flipped = crop_resize(x, replace(draws, flip=torch.tensor([True])), size, kind)
    assert torch.allclose(flipped.flip(3), found, atol=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    side=st.integers(6, 20),
    padding=st.integers(0, 5),
    mode=st.sampled_from(["reflect", "zero"]),
    seed=st.integers(0, 2**40),
)
def test_crop_pad_is_pad_then_crop(side, padding, mode, seed):
    augment = Augment(side, "pad", padding=padding, padding_mode=mode)
    x = pixels(5, side, side)
    draws = draw(augment, 5, side, side, rng(seed))
    found = crop_pad(x, draws, side, mode)
    planes = x.permute(0, 3, 1, 2)
    padded = tvf.pad(planes, [padding] * 4, padding_mode={"zero": "constant"}.get(mode, mode))
    for i, (top, left, _, _) in enumerate(draws.box.tolist()):
        wanted = tvf.crop(padded[i], top + padding, left + padding, side, side)
        wanted = wanted.flip(2) if draws.flip[i] else wanted
        assert torch.equal(found[i].permute(2, 0, 1), wanted)


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(8, 80),
    width=st.integers(8, 80),
    low=st.floats(0.05, 0.9),
    seed=st.integers(0, 2**40),
)
def test_random_boxes_lie_inside_and_keep_to_their_ranges(height, width, low, seed):
    augment = Augment(16, "resized", scale=(low, 1.0))
    top, left, h, w = random_boxes(augment, 64, height, width, rng(seed)).unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (h >= 1).all()
    assert (w >= 1).all()
    assert (top + h <= height).all()
    assert (left + w <= width).all()
    # Sides are rounded: the exact ratio lies within half a pixel of each.
    slack = 1 / torch.minimum(h, w)
    assert ((w / h) < 4 / 3 + 2 * slack).all()
    assert ((w / h) > 3 / 4 - 2 * slack).all()


def test_random_boxes_have_torchvisions_distribution():
    augment = Augment(32, "resized")
    ours = random_boxes(augment, 4000, 64, 48, rng()).float()
    torch.manual_seed(0)
    image = torch.zeros(3, 64, 48)
    theirs = torch.tensor([_torchvision_box(image) for _ in range(4000)]).float()
    assert torch.allclose(ours.mean(0), theirs.mean(0), atol=0.8)
    assert torch.allclose(ours.std(0), theirs.std(0), atol=0.8)


def _torchvision_box(image):
    found = v2.RandomResizedCrop(32).make_params([image])
    return [found["top"], found["left"], found["height"], found["width"]]


def test_flips_happen_as_often_as_asked():
    flips = draw(Augment(8, flip=0.3), 20_000, 8, 8, rng()).flip.float()
    assert abs(flips.mean() - 0.3) < 0.015


@pytest.mark.parametrize("name", ["imagenet", "cifar", "tiny", "fine", "flip", "none"])
def test_batches_repeat_for_one_generator_and_have_the_right_size(name):
    augment = AUGMENTS[name].resized(16)
    x = pixels(6, 20, 20) if augment.crop == "resized" else pixels(6, 16, 16)
    side = augment.before or x.shape[1]

    def once(seed):
        return train_batch(x, augment, draw(augment, 6, side, side, rng(seed)))

    assert once(0).shape == (6, 3, 16, 16)
    assert torch.equal(once(0), once(0))
    assert name == "none" or not torch.equal(once(0), once(1))
    assert make_test_batch(x, augment).shape == (6, 3, 16, 16)


def test_a_batch_can_be_cut_among_ranks():
    augment = AUGMENTS["tiny"].resized(16)
    x = pixels(6, 16, 16)
    draws = draw(augment, 6, 16, 16, rng())
    whole = train_batch(x, augment, draws)
    for rank in range(2):
        own = slice(rank, None, 2)
        assert torch.allclose(train_batch(x[own], augment, draws.rows(own)), whole[own], atol=1e-3)


def test_test_batches_follow_the_resize_and_center_crop():
    augment = Augment(14, test_ratio=0.875)
    x = pixels(2, 20, 30)
    planes = x.permute(0, 3, 1, 2)
    resized = tvf.resize(planes.float(), [16], BICUBIC, antialias=True)
    wanted = tvf.center_crop(resized.clamp(0, 255), [14, 14])
    found = make_test_batch(x, augment)
    assert (found.float() - wanted.float()).abs().max() <= 1
    assert resize_shorter(x, 10, "bicubic").shape == (2, 10, 15, 3)


def test_normalize_is_torchvisions_and_channels_last():
    planes = pixels().permute(0, 3, 1, 2)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)
    found = normalize(planes, mean, std)
    wanted = tvf.normalize(planes.float() / 255, list(mean), list(std))
    assert torch.allclose(found, wanted, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_nothing_draws_from_the_global_generators():
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    augment = AUGMENTS["tiny"].resized(16)
    train_batch(pixels(), augment, draw(augment, 4, 12, 12, rng()))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


def test_procedures_of_table_12():
    rows = {name: AUGMENTS[name] for name in ("imagenet", "deit", "rsb_a2", "rsb_a3")}
    assert [a.size for a in rows.values()] == [224, 224, 224, 160]
    assert [a.input_size for a in rows.values()] == [224] * 4
    assert [a.test_ratio for a in rows.values()] == [0.875, 0.875, 0.95, 0.95]
    assert [magnitude(a.randaugment) for a in rows.values()] == [
        (0, 0),
        (9, 0.5),
        (7, 0.5),
        (6, 0.5),
    ]
    assert [a.erase for a in rows.values()] == [0, 0.25, 0, 0]
    assert [a.repeats for a in rows.values()] == [1, 3, 3, 1]
    assert all(a.color_jitter == 0 and a.flip == 0.5 and a.crop == "resized" for a in rows.values())


@pytest.mark.parametrize(
    "field",
    [
        {"crop": "random"},
        {"padding_mode": "mirror"},
        {"interpolation": "lanczos"},
        {"size": 0},
        {"scale": (0.0, 1.0)},
        {"flip": 2.0},
        {"randaugment": "rand-m9"},
    ],
)
def test_senseless_augmentations_are_refused(field):
    with pytest.raises(ValueError, match="found"):
        Augment(**{"size": 8, **field})


def test_batches_refuse_what_needs_single_pictures_and_crops_that_do_not_fit():
    augment = AUGMENTS["deit"].resized(16)
    with pytest.raises(ValueError, match="single pictures"):
        train_batch(pixels(), augment, draw(augment, 4, 12, 12, rng()))
    with pytest.raises(ValueError, match="cannot cut 32"):
        draw(AUGMENTS["cifar"], 4, 12, 12, rng())
