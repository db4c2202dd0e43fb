"""Masks and boxes of every method: blended one-hot maps are the soft maps, shares are pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixlib.core.annotated_boxes import mix_boxes, mix_points
from mixlib.core.annotations import blend_maps, known_moves, mix_masks, one_hot_maps
from mixlib.core.mix import Boxes, Mix, blend, pair
from mixlib.methods.augmix.chains import augmix
from tests.contracts.test_policies import POLICIES, network, policy

CLASSES, BATCH, SIDE = 3, 4, 16
# what changes pixels in a way that has no map, and what mixes inside the network only
NO_MAPS = ("augmix",)
INSIDE = ("alignmix",)
AT_INPUT = [name for name in POLICIES if name not in (*NO_MAPS, *INSIDE)]


def scene(seed: int) -> torch.Tensor:
    """Class maps [B, H, W] of a few rectangles."""
    rng = torch.Generator().manual_seed(seed)
    maps = torch.zeros(BATCH, SIDE, SIDE, dtype=torch.int64)
    for b in range(BATCH):
        for kind in range(1, CLASSES):
            top, left = torch.randint(0, SIDE - 4, (2,), generator=rng).tolist()
            high, wide = torch.randint(2, 8, (2,), generator=rng).tolist()
            maps[b, top : top + high, left : left + wide] = kind
    return maps


def drawn(name: str, x: torch.Tensor, seed: int) -> Mix:
    rng, torch_state = torch.Generator().manual_seed(seed), torch.get_rng_state()
    now = policy(name, CLASSES).choose(rng)
    while now.site != "input":
        now = now.choose(rng) if now.places != (now.site,) else policy(name, CLASSES).choose(rng)
    mix = now.draw(x, torch.arange(BATCH) % CLASSES, network(CLASSES, CLASSES), rng)
    torch.set_rng_state(torch_state)
    return mix


@pytest.mark.parametrize("name", AT_INPUT)
def test_images_of_classes_and_their_maps_mix_alike(name):
    """An image that is its own one-hot map, mixed, is the soft map of the mixed image."""
    for seed in range(3):
        maps = scene(seed)
        x = one_hot_maps(maps, CLASSES)
        mix = drawn(name, x, seed)
        images, soft = blend(mix, x), mix_masks(mix, maps, CLASSES)
        made_up = [m is not None and m.made_up for m in known_moves(mix)]
        shown = mix.dense((SIDE, SIDE)).expand(BATCH, -1, SIDE, SIDE)
        real = shown[:, [k for k, made in enumerate(made_up) if not made]].sum(1)
        whole = real == 1 if any(made_up) else torch.ones_like(real, dtype=torch.bool)
        torch.testing.assert_close(soft.sum(1), real, atol=1e-5, rtol=0)
        inside = whole[:, None].expand_as(soft)
        if name != "snapmix":  # which interpolates images, and no maps
            torch.testing.assert_close(images[inside], soft[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", AT_INPUT)
def test_class_maps_are_those_of_the_source_that_shows_most(name):
    maps = scene(1)
    mix = drawn(name, one_hot_maps(maps, CLASSES), 1)
    hard = mix_masks(mix, maps)
    dense = mix.dense((SIDE, SIDE)).expand(BATCH, -1, SIDE, SIDE)
    sharp = (dense.amax(1) == 1) & (hard != 255)
    soft = mix_masks(mix, maps, CLASSES)
    assert torch.equal(soft.argmax(1)[sharp], hard[sharp])
    made_up = [m is not None and m.made_up for m in known_moves(mix)]
    assert bool((hard == 255).any()) <= any(made_up)


def counted(mix: Mix, box: torch.Tensor, sample: int, output: int) -> float:
    """Pixels of one box of a sample that an output shows, one after another."""
    ids = torch.zeros(BATCH, 1, SIDE, SIDE)
    x1, y1, x2, y2 = box.int().tolist()
    ids[sample, 0, y1:y2, x1:x2] = 1
    dense = mix.dense((SIDE, SIDE)).expand(BATCH, -1, SIDE, SIDE)
    pixels = 0.0
    for k, move in enumerate(known_moves(mix)):
        if int(mix.source[output, k]) != sample or (move is not None and move.made_up):
            continue
        at = ids[mix.source[:, k]] if move is None else move(ids)
        scale = 1.0 if move is None else float(move.scale((SIDE, SIDE)).expand(BATCH)[output])
        pixels += float((at[output, 0] * dense[output, k]).sum()) / max(scale, 1e-9)
    return pixels


@pytest.mark.parametrize("name", AT_INPUT)
def test_label_weights_of_boxes_are_counted_pixels(name):
    rng = torch.Generator().manual_seed(5)
    low = torch.randint(0, 10, (BATCH, 2, 2), generator=rng).float()
    boxes = list(torch.cat([low, low + torch.randint(2, 6, low.shape, generator=rng)], 2))
    labels = [torch.tensor([10 * b, 10 * b + 1]) for b in range(BATCH)]
    for seed in range(2):
        mix = drawn(name, one_hot_maps(scene(seed), CLASSES), seed)
        for output, found in enumerate(mix_boxes(mix, (SIDE, SIDE), boxes, labels)):
            assert (found.share > 0).all()
            assert (found.weight <= found.share + 1e-5).all()
            for word in {int(w) for b in range(BATCH) for w in labels[b]}:
                sample, index = divmod(word, 10)
                box = boxes[sample][index]
                area = float((box[2] - box[0]) * (box[3] - box[1]))
                expected = counted(mix, box, sample, output) / area
                got = float(found.weight[found.labels == word].sum())
                parts = len(known_moves(mix)) if name == "ricap" else 1
                assert got == pytest.approx(min(expected, parts), abs=1e-4), (name, word)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_fractional_boxes_under_a_pasted_box(data):
    """The area of a rectangle minus a rectangle, for sides that are no whole pixels."""
    # in steps of a 64th of a pixel
    x1, y1 = (data.draw(st.integers(0, 15 * 64)) for _ in range(2))
    x2, y2 = (data.draw(st.integers(low + 16, 16 * 64)) / 64 for low in (x1, y1))
    x1, y1 = x1 / 64, y1 / 64
    top, left = data.draw(st.integers(0, 15)), data.draw(st.integers(0, 15))
    high, wide = data.draw(st.integers(0, 16 - top)), data.draw(st.integers(0, 16 - left))
    pasted = Boxes(torch.tensor([[top, left, high, wide]]), (16, 16))
    mix = pair(torch.tensor([1, 0]), pasted, pasted.share_outside())
    box = torch.tensor([[x1, y1, x2, y2]])
    none = torch.zeros(0, 4)
    own, other = mix_boxes(mix, (16, 16), [box, none], [torch.tensor([1]), torch.zeros(0).long()])
    across = max(0.0, min(x2, left + wide) - max(x1, left))
    down = max(0.0, min(y2, top + high) - max(y1, top))
    area = (x2 - x1) * (y2 - y1)
    for found, share in ((own, 1 - across * down / area), (other, across * down / area)):
        assert float(found.share.sum()) == pytest.approx(share, abs=1e-4)
        if len(found.boxes):
            corners = found.boxes[0]
            assert (corners[:2] >= box[0, :2] - 1e-4).all()
            assert (corners[2:] <= box[0, 2:] + 1e-4).all()
    if len(other.boxes) and across * down / area > 1e-3:
        seen = [max(x1, left), max(y1, top), min(x2, left + wide), min(y2, top + high)]
        torch.testing.assert_close(other.boxes[0], torch.tensor(seen).float(), atol=1e-4, rtol=0)


def test_a_mask_without_a_shape_shows_boxes_whole():
    mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
    box, none = torch.tensor([[1.0, 1.0, 3.0, 2.0]]), torch.zeros(0, 4)
    first, _ = mix_boxes(mix, (8, 8), [box, none], [torch.tensor([3]), torch.zeros(0).long()])
    assert first.boxes.tolist() == box.tolist()
    assert (first.share.tolist(), first.weight.tolist()) == ([1.0], [0.25])


def test_boxes_of_which_little_is_shown_can_be_left_out():
    pasted = Boxes(torch.tensor([[0, 0, 16, 12]]), (16, 16))
    mix = pair(torch.tensor([1, 0]), pasted, pasted.share_outside())
    whole, words = [torch.tensor([[0.0, 0.0, 16.0, 16.0]])] * 2, [torch.tensor([0])] * 2
    assert [len(f.boxes) for f in mix_boxes(mix, (16, 16), whole, words, least=0.3)] == [1, 1]
    assert [len(f.boxes) for f in mix_boxes(mix, (16, 16), whole, words)] == [2, 2]


def test_points_weigh_what_the_mask_weighs_where_they_lie():
    pasted = Boxes(torch.tensor([[0, 0, 16, 8]]), (16, 16))
    mix = pair(torch.tensor([1, 0]), pasted, pasted.share_outside())
    points = [torch.tensor([[2.0, 2.0], [12.0, 2.0]]), torch.tensor([[2.0, 5.0], [20.0, 1.0]])]
    place, weight, source = mix_points(mix, (16, 16), points)[0]
    assert weight.tolist() == [0, 1, 1, 0]  # covered, seen, pasted, outside the image
    assert source.tolist() == [0, 0, 1, 1]
    assert place[2].tolist() == [2, 5]


@pytest.mark.parametrize(
    ("target", "classes", "words"),
    [
        (torch.zeros(3, 4, 4, dtype=torch.int64), 2, "expected class maps \\[2, H, W\\]"),
        (torch.full((2, 4, 4), 7), 3, "expected classes 0 to 2, or 255 for none, found 7 to 7"),
    ],
)
def test_wrong_maps_are_refused(target, classes, words):
    mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
    with pytest.raises(ValueError, match=words):
        mix_masks(mix, target, classes)


def test_what_cannot_be_mixed_says_so():
    x, rng = torch.rand(BATCH, CLASSES, SIDE, SIDE), torch.Generator().manual_seed(0)
    mix = augmix().draw(x, torch.arange(BATCH), None, rng)
    with pytest.raises(ValueError, match="says where its pixels come from"):
        blend_maps(mix, torch.zeros(BATCH, 1, SIDE, SIDE))
    flat = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
    with pytest.raises(ValueError, match="image 0: expected a label for each of 1 boxes"):
        mix_boxes(flat, (4, 4), [torch.ones(1, 4)] * 2, [torch.zeros(2)] * 2)
    with pytest.raises(ValueError, match="x1 < x2"):
        mix_boxes(flat, (4, 4), [torch.ones(1, 4)] * 2, [torch.zeros(1)] * 2)
