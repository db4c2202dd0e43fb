"""ReLabel: a teacher's labels of every crop, mixed by CutMix."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.models.swin_transformer import SwinTransformer
from torch import nn

import mixlib
from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.methods.relabel import relabel
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.models.score_maps import cropped, image_targets, whole
from tests.mixlib.small_vit import CLASSES, batch, falling, small_vit


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def resnet() -> Net:
    return builder.net("resnet10_w16_dense", CLASSES, 0)


def swin() -> Net:
    torch.manual_seed(0)
    model = SwinTransformer(
        img_size=32, patch_size=4, embed_dim=12, depths=(1, 1), num_heads=(2, 2), window_size=4,
        num_classes=CLASSES,
    )  # fmt: skip
    return Net(model, {"last": "norm"}, layout="channels_last")


@pytest.mark.parametrize("make", [resnet, swin])
def test_the_pooled_map_of_a_whole_crop_is_the_prediction(make):
    net, (x, _) = make(), batch(3)
    teacher = MapTeacher(net)
    maps = teacher.maps(x)
    assert maps.shape[:2] == (3, CLASSES)
    assert maps.shape[2] > 1
    with torch.no_grad():
        expected = net.eval()(x)[0]
    torch.testing.assert_close(maps.mean((2, 3)), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(teacher.image(x), expected.softmax(1), atol=1e-5, rtol=1e-4)


def test_maps_need_not_be_square():
    maps = torch.randn(2, CLASSES, 3, 5)
    torch.testing.assert_close(cropped(maps, whole(maps), (3, 5)), maps)
    torch.testing.assert_close(cropped(maps, whole(maps), 1)[..., 0, 0], maps.mean((2, 3)))
    # the right half of three of five columns, in a crop given as (top, left, height, width)
    crop = torch.tensor([[0.0, 0.4, 1.0, 0.6]]).expand(2, 4)
    torch.testing.assert_close(cropped(maps, crop, (3, 3)), maps[..., 2:])


@pytest.mark.parametrize("name", ["vit", "convnext"])
def test_a_network_that_pools_otherwise_is_refused(name):
    net = small_vit() if name == "vit" else mixlib.Net(
        timm.create_model("convnext_atto", num_classes=CLASSES), {"last": "stages.3"}
    )  # fmt: skip
    # where the mean of the cells is normalized again, cells alone score otherwise
    if name == "convnext":
        nn.init.normal_(net.model.head.norm.weight, 3.0, 1.0)
        nn.init.normal_(net.model.head.fc.weight)
    with pytest.raises(ValueError, match=r"cannot label parts of images.*stored maps"):
        MapTeacher(net).maps(batch(2)[0])


def test_the_loss_is_the_cross_entropy_of_the_mixed_soft_labels():
    teacher, (x, y) = resnet(), batch(5)
    mix = relabel(teacher=teacher).draw(x, y, None, rng())
    logits = torch.randn(5, CLASSES)
    rows = teacher.eval()(x)[0].softmax(1)
    by_hand = torch.zeros(())
    for b in range(5):
        for k in range(2):
            label = rows[mix.source[b, k]]
            by_hand = by_hand - mix.weight[b, k] * (label * logits[b].log_softmax(0)).sum() / 5
    found = CrossEntropy()(mix, logits, {}, y)
    torch.testing.assert_close(found, by_hand)
    smooth = CrossEntropy(0.1)(mix, logits, {}, y)
    even = -logits.log_softmax(1).mean()
    torch.testing.assert_close(smooth, 0.9 * by_hand + 0.1 * even)
    with pytest.raises(ValueError, match="two-hot targets need class indices"):
        BinaryCrossEntropy("two-hot")(mix, logits, {}, y)
    with pytest.raises(ValueError, match="expected smoothing 0"):
        BinaryCrossEntropy("two-hot", 0.1)
    with pytest.raises(ValueError, match=r"expected 7 classes.*same classes"):
        CrossEntropy()(mix, torch.randn(5, 7), {}, y)


def test_stored_maps_are_cutmix_of_soft_labels():
    teacher, (x, y) = MapTeacher(resnet()), batch(4)
    maps = teacher.maps(x)
    stored = mixlib.build("cutmix")(x, image_targets(maps, whole(maps)), rng(3))
    online = mixlib.build("relabel", teacher=teacher.net.model)(x, y, rng(3))
    assert torch.equal(stored.images, online.images)
    torch.testing.assert_close(stored.targets(), online.targets())
    torch.testing.assert_close(online.targets(CLASSES).sum(1), torch.ones(4))
    logits = torch.randn(4, CLASSES)
    torch.testing.assert_close(stored.loss(logits), online.loss(logits))
    # whatever the dataset says: only the teacher's labels count
    others = mixlib.build("relabel", teacher=teacher.net.model)(x, (y + 1) % CLASSES, rng(3))
    assert torch.equal(others.targets(), online.targets())


def test_without_mixing_and_as_released():
    teacher, (x, y) = resnet(), batch(4)
    alone = relabel(prob=0.0, teacher=teacher).draw(x, y, None, rng())
    assert alone.source.shape[1] == 1
    torch.testing.assert_close(alone.labels, MapTeacher(teacher).image(x))
    released = (
        METHODS["relabel"].make(changes={"teacher": teacher}, released=True).draw(x, y, None, rng())
    )
    assert len(released.mask.edges) == 1
    assert released.weight.unique(dim=0).shape[0] == 1


def test_it_trains_a_student_that_never_sees_a_class():
    teacher, student, (x, _) = resnet(), small_vit(), batch(8)
    frozen = {name: value.clone() for name, value in teacher.state_dict().items()}
    objective = MixOnce(student, relabel(teacher=teacher))
    # labels that are wrong on purpose
    y = torch.zeros(8, dtype=torch.long)
    first, last = falling(objective, x, y)
    assert last < first
    assert student.model.patch_embed.proj.weight.grad.abs().sum() > 0
    assert teacher.training
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, frozen[name])


def test_a_teacher_is_required():
    x, y = batch(2)
    with pytest.raises(ValueError, match=r"relabel', teacher=model"):
        mixlib.build("relabel")
    with pytest.raises(ValueError, match=r"needs a teacher.*mixlib.build\('cutmix'\)"):
        MixOnce(small_vit(), builder.policy("relabel"))(x, y, rng())
