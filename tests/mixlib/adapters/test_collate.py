"""In the place of torchvision's MixUp and CutMix: the same call, the same kind of answer."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

import mixlib
from mixlib.adapters.collate import MixCollate

CLASSES = 7


def batch(n: int = 6):
    data = torch.Generator().manual_seed(0)
    return torch.rand(n, 3, 8, 8, generator=data), torch.arange(n) % CLASSES


@pytest.mark.parametrize(
    ("name", "theirs"), [("mixup", v2.MixUp), ("cutmix", v2.CutMix)], ids=["mixup", "cutmix"]
)
def test_the_call_is_torchvisions(name, theirs):
    images, labels = batch()
    ours = MixCollate(mixlib.build(name, alpha=1.0), num_classes=CLASSES)
    expected = theirs(alpha=1.0, num_classes=CLASSES)
    for given in ((images, labels), ((images, labels),)):
        got, want = ours(*given), expected(*given)
        assert [(t.shape, t.dtype) for t in got] == [(t.shape, t.dtype) for t in want]
        torch.testing.assert_close(got[1].sum(1), torch.ones(6))
    soft = torch.nn.functional.one_hot(labels, CLASSES).float()
    assert MixCollate(mixlib.build(name))(images, soft)[1].shape == (6, CLASSES)


def test_what_follows_is_passed_through():
    images, labels = batch()
    names = list("abcdef")
    mixed = MixCollate(mixlib.build("mixup"), num_classes=CLASSES)(images, labels, names)
    assert mixed[2] is names


def test_a_loader_repeats_itself_and_its_workers_differ():
    data = TensorDataset(torch.eye(8)[:, :, None, None].expand(8, 8, 4, 4).contiguous(),
                         torch.zeros(8, dtype=torch.int64))  # fmt: skip

    def epochs(workers: int) -> list[torch.Tensor]:
        collate = MixCollate(mixlib.build("mixup"), num_classes=1, seed=3)
        loader = DataLoader(
            data, 4, num_workers=workers, collate_fn=collate,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        return [images for _ in range(2) for images, _ in loader]

    for workers in (0, 2):
        first, again = epochs(workers), epochs(workers)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        # two workers, and two epochs, draw different numbers
        shares = [images.mean((2, 3))[0].max() for images in first]
        assert len({round(float(share), 6) for share in shares}) == len(shares)


def test_wrong_batches_are_named():
    ours = MixCollate(mixlib.build("mixup"))
    with pytest.raises(TypeError, match=r"expected \(images, labels"):
        ours({"x": 1}, 2)
    with pytest.raises(ValueError, match="how many classes"):
        ours(*batch())


@pytest.mark.parametrize(
    ("batch", "kind", "words"),
    [
        ({"image": torch.zeros(2, 3, 4, 4)}, TypeError, "got dict.*batch"),
        ([], ValueError, "at least one sample"),
        ([{"image": torch.zeros(3, 4, 4), "name": 0}], TypeError, "got dict"),
        (torch.zeros(2, 3, 4, 4), TypeError, "got Tensor"),
    ],
)
def test_what_is_no_pair_is_named(batch, kind, words):
    with pytest.raises(kind, match=words):
        MixCollate(mixlib.build("cutmix"), num_classes=3)(batch)
