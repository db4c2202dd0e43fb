from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.audit import Claims, Effort, Form, audit
from mixlib.audit.forms import NotUnderstood, feed, image_array, recognized, shares, unpack
from mixlib.audit.libraries import form_of
from tests.mixlib.audit.mixers import CLASSES, Mixer
from tests.mixlib.audit.mutants import alarms

FEW = Effort(draws=400, batch=4, size=(8, 8), wide=(6, 12), small=(6, 6), workers=0)
IMAGES = torch.rand(3, 3, 4, 5)
LABELS = torch.tensor([4, 0, 2])
CLAIMS = Claims("mixup", alpha=1.0, prob=1.0)


def keras_like(batch):
    """Channels last, NumPy, dicts, one-hot labels."""
    images = torch.from_numpy(batch["images"].transpose(0, 3, 1, 2).copy())
    mixed, targets = Mixer()(images, torch.from_numpy(batch["labels"].argmax(1)))
    return {"images": mixed.numpy().transpose(0, 2, 3, 1), "labels": targets.numpy()}


def collate(samples):
    images = torch.stack([image for image, _ in samples])
    return Mixer()(images, torch.tensor([label for _, label in samples]))


def tuples(batch):
    return Mixer()(*batch)


def with_generator(images, labels, rng):
    assert isinstance(rng, torch.Generator)
    lam = float(torch.rand((), generator=rng))
    rows = torch.nn.functional.one_hot(labels, CLASSES).float()
    mixed = images.lerp(images.roll(1, 0), 1 - lam)
    return mixed, rows.lerp(rows.roll(1, 0), 1 - lam)


def named_pair(images, labels):
    """As the releases of Mixup and CutMix return it."""
    lam = float(torch.rand(()))
    order = torch.arange(len(images)).roll(1)
    return images * lam + images[order] * (1 - lam), labels, labels[order], lam


def nested_pair(images, labels):
    mixed, *pair = named_pair(images, labels)
    return mixed, tuple(pair)


def partner_rows(images, labels):
    """As kornia returns it: own label, partner's label, partner's share."""
    lam = torch.rand(len(images), dtype=images.dtype)
    order = torch.arange(len(images)).roll(1)
    weight = lam[:, None, None, None]
    mixed = images * (1 - weight) + images[order] * weight
    return [mixed, torch.stack([labels.float(), labels[order].float(), lam], dim=1)]


@pytest.mark.parametrize(
    ("call", "form"),
    [
        (Mixer(), Form()),
        (tuples, Form("tuple")),
        (collate, Form("collate")),
        (keras_like, Form("dict", labels="onehot", layout="nhwc", arrays="numpy")),
        (with_generator, Form("generator", targets="soft")),
        (named_pair, Form()),
        (nested_pair, Form(targets="pair")),
        (partner_rows, Form()),
    ],
)
def test_every_shape_of_call_is_audited(call, form) -> None:
    report = audit(call, CLAIMS, FEW, form=form, classes=CLASSES)
    assert not alarms(report)
    assert any(f.check == "law of lambda" for f in report.findings)


def test_a_pair_with_the_wrong_share_is_found() -> None:
    def wrong(images, labels):
        mixed, first, second, lam = named_pair(images, labels)
        return mixed, first, second, 1 - lam

    failures = audit(wrong, CLAIMS, FEW).failures()
    assert any("exchanged" in failure.seen for failure in failures)


def test_what_is_fed_is_a_copy() -> None:
    fed = feed(Form("collate"), IMAGES, LABELS, 5, None)
    fed.args[0][0][0].zero_()
    assert IMAGES[0].sum() > 0
    assert [label for _, label in fed.args[0]] == [4, 0, 2]


def test_channels_last_comes_back() -> None:
    form = Form(layout="nhwc", arrays="numpy")
    fed = feed(form, IMAGES, LABELS, 5, None)
    assert fed.images.shape == (3, 4, 5, 3)
    assert np.array_equal(image_array(form, fed.images), IMAGES.numpy())


def test_smoothing_is_taken_out_of_soft_targets() -> None:
    rows = torch.nn.functional.one_hot(LABELS, 6).float()
    mixed = 0.3 * rows + 0.7 * rows.roll(1, 0)
    found = shares(Form(targets="soft"), mixed * 0.9 + 0.1 / 6, LABELS.numpy(), 6)
    assert np.allclose(found.weight, 0.3 * np.eye(3) + 0.7 * np.roll(np.eye(3), 1, 0), atol=1e-6)
    assert found.off == pytest.approx(0.1 / 6)


@pytest.mark.parametrize(
    ("result", "targets"),
    [
        ((IMAGES, torch.rand(3, 7)), "soft"),
        ((IMAGES, LABELS), "index"),
        ((IMAGES, LABELS, LABELS, 0.5), "pair"),
        ((IMAGES, (LABELS, LABELS, 0.5)), "pair"),
        ([IMAGES, torch.rand(1, 3, 3)], "partner"),
    ],
)
def test_targets_are_recognized(result, targets) -> None:
    assert recognized(Form(), result, 7).targets == targets


@pytest.mark.parametrize("result", [(IMAGES,), (IMAGES, (LABELS, LABELS))])
def test_an_unknown_shape_is_named(result) -> None:
    with pytest.raises(NotUnderstood, match="expected"):
        recognized(Form(), result, 7)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(NotUnderstood, match="labels"):
        unpack(Form("dict"), {"images": IMAGES}, 7)


@pytest.mark.parametrize("word", ["feed", "labels", "targets", "layout", "arrays", "dtype"])
def test_unknown_words_are_refused(word) -> None:
    with pytest.raises((ValueError, TypeError), match=word):
        Form(**{word: "nonsense"})


def test_libraries_are_known_by_their_module() -> None:
    from timm.data import FastCollateMixup, Mixup
    from torchvision.transforms import v2

    assert form_of(FastCollateMixup()).dtype == "uint8"
    assert form_of(Mixup()).feed == "batch"
    assert form_of(v2.CutMix(num_classes=3)).targets == "soft"
    assert form_of(lambda images, labels: (images, labels)) == Form()
