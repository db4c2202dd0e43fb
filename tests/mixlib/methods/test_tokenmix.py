"""Labels by attention and by score maps, against recorded weights and targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from mixlib.catalog import build as builder
from mixlib.core.labels import BinaryCrossEntropy, soft_targets
from mixlib.core.mix import Boxes, Mix, pair
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.masks.cells import enlarge
from mixlib.methods.cutmix import cutmix
from mixlib.methods.mixup import mixup
from mixlib.methods.tokenmix import content_maps, released_targets, scored, tokenmix
from mixlib.methods.transmix import TransMix
from mixlib.models.attention import class_attention, last_attention
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.models.score_maps import class_maps, full_maps, image_targets, token_targets
from mixlib.training.recipes import recipe


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(6))
def test_transmix_targets(golden, case):
    data, at = golden("methods/transmix"), f"c{case:02d}_"
    top, bottom, left, right = data[at + "box_y0y1x0x1"].tolist()
    side = int(data[at + "image"])
    boxes = Boxes(torch.tensor([[top, left, bottom - top, right - left]]), (side, side))
    assert abs(1 - float(boxes.share_outside()) - float(data[at + "lam_area_partner"])) < 1e-6
    attention = tensor(data[at + "attention"])
    mix = pair(torch.arange(len(attention) - 1, -1, -1), boxes, boxes.share_outside())
    weight = TransMix(area=0.5).reweighted(mix, attention).weight
    own, partner = (tensor(data[at + key]) for key in ("y_own", "y_partner"))
    mixed = weight[:, :1] * own + weight[:, 1:] * partner
    torch.testing.assert_close(mixed, tensor(data[at + "mixed_target"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("case", range(2))
def test_openmixup_transmix_weights(golden, case):
    data, at = golden("automix/transmix"), f"c{case}_"
    row = tensor(data[at + "attn_cls_row"]).mean(1)
    own = (1 - tensor(data[at + "mask"]).float())[None]
    lam = tensor(data[at + "lam0"]).float()[None]
    mix = pair(torch.arange(len(row)), own, lam)
    weight = TransMix(area=float(data[at + "ratio"])).reweighted(mix, row).weight[:, 0]
    torch.testing.assert_close(weight, tensor(data[at + "lam"]), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("case", range(6))
def test_tokenmix_targets(golden, case):
    data, at = golden("methods/tokenmix"), f"c{case:02d}_"
    y = tensor(data[at + "target"])
    maps = full_maps(tensor(data[at + "scores_top5"]), tensor(data[at + "ids_top5"]).int(), 20)
    found = class_maps(maps, y, tensor(data[at + "crop_yxhw"]), 14, "xywh")
    recorded = tensor(data[at + "class_map"])
    scale = recorded.sum((1, 2), keepdim=True)
    torch.testing.assert_close(found, recorded / scale, atol=1e-5, rtol=1e-4)
    kept = (1 - tensor(data[at + "mask"]).float())[None]
    assert abs(float(kept.mean()) - float(data[at + "lam_area"])) < 1e-6
    own = enlarge(kept, (224, 224))
    mix = pair(torch.arange(len(y) - 1, -1, -1), own, kept.mean((1, 2)))
    rows = released_targets(scored(mix, found), y, 20, float(data[at + "smoothing"]))
    torch.testing.assert_close(rows, tensor(data[at + "mixed_target"]), atol=1e-5, rtol=0)
    # the paper's labels: attention that falls on what is kept, and on what is pasted
    attention = tensor(data[at + "attention"]).view(-1, 14, 14)
    weight = scored(mix, attention).weight
    for k, who in enumerate(("own", "partner")):
        expected = tensor(data[at + f"attn_weight_{who}"])
        torch.testing.assert_close(weight[:, k], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("case", range(2))
def test_openmixup_tokenmix_scores(golden, case):
    data, at = golden("automix/tokenmix_block"), f"c{case}_"
    maps = tensor(data["attn_cls_row"]).mean(1).view(-1, 14, 14)
    partner = tensor(data[at + "perm"])
    kept = (1 - tensor(data[at + "mask"]).float())[None]
    mix = pair(partner, kept, kept.mean((1, 2)))
    weight = scored(mix, maps).weight
    for k, who in enumerate("ab"):
        expected = tensor(data[at + f"score_{who}_consistent"])
        torch.testing.assert_close(weight[:, k], expected, atol=2e-6, rtol=1e-5)
    # OpenMixup pairs each label with the part that is not there
    swapped = pair(partner, 1 - kept, kept.mean((1, 2)))
    weight = scored(swapped, maps).weight
    for k, who in enumerate("ab"):
        expected = tensor(data[at + f"score_{who}_openmixup"])
        torch.testing.assert_close(weight[:, k], expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("case", range(4))
def test_relabel_and_token_labels(golden, case):
    data, at = golden("methods/relabel_tokenlabel"), f"c{case:02d}_"
    expected = tensor(data[at + "global_target"])
    maps = full_maps(
        tensor(data[at + "scores_top5"]), tensor(data[at + "ids_top5"]).int(), expected.shape[1]
    )
    crop = tensor(data[at + "crop_yxhw"])
    found = image_targets(maps, crop, "xywh")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    tokens = token_targets(maps, crop, 4, "xywh")
    expected = tensor(data[at + "token_target_cls_then_4x4"])
    torch.testing.assert_close(tokens, expected, atol=1e-5, rtol=0)
    # the releases read the crop transposed: on transposed maps that is the right region
    right = token_targets(maps.mT, crop, 4)[:, :, 1:].unflatten(2, (4, 4)).mT.flatten(2)
    torch.testing.assert_close(right, tokens[:, :, 1:], atol=1e-5, rtol=0)


def transformer() -> Net:
    torch.manual_seed(0)
    model = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=12, depth=2, num_heads=3, num_classes=5
    )
    return Net(model, {"attention": last_attention(model)})


@pytest.mark.parametrize("policy", [cutmix(), mixup(), tokenmix(grid=4)], ids=lambda p: str(p)[:8])
def test_attention_rules_train_a_transformer(policy):
    net = transformer()
    x, y = torch.randn(3, 3, 32, 32), torch.tensor([0, 4, 2])
    rule = TransMix(BinaryCrossEntropy())
    step = MixOnce(net, policy, rule)(x, y, torch.Generator().manual_seed(0))
    step.loss.backward()
    assert net.model.patch_embed.proj.weight.grad.abs().sum() > 0
    assert net.training
    assert all(part.training for part in net.modules())


@pytest.mark.parametrize("released", [False, True])
def test_the_catalog_s_switch_reaches_the_rule(released):
    words = {"mixup": 0.8, "cutmix": 1.0, "switch": 1.0, "released": released}
    objective = builder.objective(
        "transmix", transformer(), words, recipe("imagenet_deit"), steps=1, seed=0
    )
    rule = objective.rule
    assert rule.area == (0.5 if released else 0.0)
    assert rule.rule.smoothing == 0.1
    x, y = torch.randn(4, 3, 32, 32), torch.tensor([0, 4, 2, 1])
    step = objective(x, y, torch.Generator().manual_seed(3))
    assert step.loss.isfinite()
    assert torch.equal(step.mix.source[:, 1], torch.arange(3, -1, -1)) == released


def test_the_attention_is_the_last_block_s():
    net = transformer().eval()
    x = torch.randn(2, 3, 32, 32)
    matrix = net.features(x, "attention")
    assert matrix.shape == (2, 3, 17, 17)
    torch.testing.assert_close(matrix.sum(-1), torch.ones(2, 3, 17))
    assert class_attention(matrix).shape == (2, 16)
    with pytest.raises(ValueError, match="no attention"):
        last_attention(torch.nn.Linear(1, 1))


def test_a_flat_mix_keeps_its_weights():
    mix = mixup().draw(torch.randn(4, 3, 8, 8), torch.arange(4), None, torch.Generator())
    again = TransMix().reweighted(mix, torch.rand(4, 16))
    torch.testing.assert_close(again.weight, mix.weight)


def test_tokenmix_weights_need_not_sum_to_one():
    x, y = torch.randn(6, 3, 32, 32), torch.arange(6) % 5
    net = transformer()
    mix = tokenmix(grid=4).draw(x, y, net, torch.Generator().manual_seed(1))
    assert mix.weight.shape == (6, 2)
    assert (mix.weight.sum(1) - 1).abs().max() > 1e-5
    rows = soft_targets(mix, y, 5)
    torch.testing.assert_close(rows.sum(1), mix.weight.sum(1))
    with pytest.raises(ValueError, match="teacher"):
        tokenmix().draw(x, y, None, torch.Generator())
    assert isinstance(mix, Mix)


def by_labels(labels: str, mask: str = "block", **more):
    """TokenMix on a 4 x 4 grid with a ResNet of four classes for a teacher, where one is asked."""
    teacher = builder.net("resnet10_w16", 4, seed=1) if labels in ("teacher", "relabel") else None
    return tokenmix(grid=4, labels=labels, mask=mask, lam=0.5, teacher=teacher, **more), teacher


IMAGES = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(6) % 4


@pytest.mark.parametrize("mask", ["block", "random", "region"])
@pytest.mark.parametrize("labels", ["teacher", "saliency", "area", "relabel"])
def test_labels_change_no_mask(mask, labels):
    policy, _ = by_labels(labels, mask)
    area, _ = by_labels("area", mask)
    rng = torch.Generator
    mix = policy.draw(IMAGES, CLASSES, None, rng().manual_seed(3))
    plain = area.draw(IMAGES, CLASSES, None, rng().manual_seed(3))
    assert torch.equal(mix.dense((32, 32)), plain.dense((32, 32)))
    assert torch.allclose(plain.weight.sum(1), torch.ones(6, dtype=plain.weight.dtype))
    assert (mix.labels is not None) is (labels == "relabel")


def test_a_teachers_labels_are_its_scores_of_the_own_class_under_the_mask():
    policy, teacher = by_labels("teacher")
    mix = policy.draw(IMAGES, CLASSES, None, torch.Generator().manual_seed(3))
    scores = MapTeacher(teacher).maps(IMAGES).relu()
    found = class_maps(scores, CLASSES, torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 6), 4)
    mask = mix.dense((4, 4))
    for b in range(6):
        for k in range(2):
            expected = (mask[b, k] * found[mix.source[b, k]]).sum()
            if float(found[mix.source[b, k]].sum()) > 0.5:
                assert float(mix.weight[b, k]) == pytest.approx(float(expected), abs=1e-5)


def test_where_a_teacher_sees_nothing_content_is_even():
    maps = content_maps(-torch.ones(2, 4, 3, 3), torch.tensor([0, 1]), 4)
    assert torch.equal(maps, torch.full((2, 4, 4), 1 / 16))
    one = torch.zeros(1, 4, 2, 2)
    one[0, 2] = torch.tensor([[3.0, 1.0], [0.0, -5.0]])
    found = content_maps(one, torch.tensor([2]), 2)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(found[0, 0, 0]) == pytest.approx(0.75, abs=1e-5)


def test_saliency_of_a_blank_image_is_even():
    policy, _ = by_labels("saliency", mean=(0.5,) * 3, std=(0.2,) * 3)
    mix = policy.draw(torch.zeros(4, 3, 32, 32), torch.arange(4), None, torch.Generator())
    area = mix.dense((4, 4)).mean((2, 3))
    assert torch.allclose(mix.weight.float(), area.float(), atol=1e-6)


@pytest.mark.parametrize(
    ("more", "odds"), [({"mixup": 0.8}, 2), ({"mixup": 0.8, "cutmix": 1.0}, 3)]
)
def test_other_batches_are_mixed_otherwise(more, odds):
    policy, _ = by_labels("area", **more)
    assert sum(policy.odds) == pytest.approx(1.0)
    assert len(policy.policies) == odds
    assert policy.odds[0] == 0.5


def test_a_teacher_is_asked_for():
    policy = tokenmix(labels="teacher")
    with pytest.raises(ValueError, match="teacher=model"):
        policy.draw(IMAGES, CLASSES, None, torch.Generator())
