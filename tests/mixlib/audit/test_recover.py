from __future__ import annotations

import numpy as np
import pytest

from mixlib.audit import Effort, Form
from mixlib.audit.claims import Claims
from mixlib.audit.evidence import Gatherer
from mixlib.audit.recover import draws, partners, rectangles, scope_of
from tests.mixlib.audit.mixers import CLASSES, Mixer

EFFORT = Effort(draws=200, batch=4, size=(10, 12), workers=0)


def pilot(call):
    gatherer = Gatherer(call, Claims(), EFFORT, Form(), CLASSES, None)
    return gatherer.series(gatherer.setup("pilot", 4, EFFORT.size, 40))


def test_rectangles() -> None:
    mask = np.ones((4, 5, 6), dtype=np.float32)
    mask[1, 1:3, 2:6] = 0
    mask[2, 1:3, 2:6] = 0
    mask[2, 2, 3] = 1
    mask[3] = 0
    edges, full = rectangles(mask)
    assert edges.tolist() == [[0, 0, 0, 0], [1, 3, 2, 6], [1, 3, 2, 6], [0, 5, 0, 6]]
    assert full.tolist() == [False, True, False, True]


def test_partners() -> None:
    pixels = np.array([[[0.5, 0.5, 0], [0, 1, 0], [0.1, 0.2, 0.7]]])
    assert partners(pixels).tolist() == [[1, -1, 1]]


class Pairs(Mixer):
    def __call__(self, images, labels, order=None):
        rng = self.rng()
        lam = np.repeat(self.lam(len(images) // 2, rng), 2)
        own = np.repeat(self.boxes(lam[::2], (10, 12), rng), 2, axis=0)
        order = np.arange(len(images)) ^ 1
        return self.blend(images, order, own), self.targets(labels, order, own.mean((1, 2)))


@pytest.mark.parametrize(
    ("call", "scope"),
    [
        (Mixer("box", scope="batch"), "batch"),
        (Mixer("mixup", scope="batch", prob=0.5), "batch"),
        (Mixer("box"), "sample"),
        (Mixer("mixup", prob=0.3), "sample"),
        (Pairs("box"), "pair"),
    ],
)
def test_scope_is_recognized(call, scope) -> None:
    assert scope_of(pilot(call)) == scope


def test_masks_shares_and_offsets_are_those_that_were_used() -> None:
    used = []

    class Recorded(Mixer):
        def blend(self, images, partner, own):
            used.append(own.copy())
            return super().blend(images, partner, own)

    trial = pilot(Recorded("box"))
    found = draws(trial)
    masks = np.concatenate(used[1:])
    assert np.allclose(found.mask, masks, atol=1e-6)
    assert np.allclose(found.share, masks.mean((1, 2)), atol=1e-6)
    assert (found.box == found.visible).all()
    row, column = (found.edges[:, :2].sum(1) / 2 - 5), (found.edges[:, 2:].sum(1) / 2 - 6)
    there = found.box
    assert np.allclose(found.offset()[there], np.stack([row, column], 1)[there], atol=1e-4)
    assert np.isnan(found.offset()[~found.visible]).all()


def test_weights_near_zero_are_no_boxes() -> None:
    class Small(Mixer):
        def lam(self, n, rng):
            return rng.beta(0.05, 0.05, n)

    found = draws(pilot(Small("mixup")))
    assert not found.box.any()
    assert (found.flat == found.visible).all()
