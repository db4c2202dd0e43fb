"""TL-Align, SMMix and MixPro against recorded masks, images and label shares; their label rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.catalog import build as builder
from mixlib.core.labels import CrossEntropy, soft_targets
from mixlib.core.mix import blend, pair
from mixlib.core.objective import MixOnce
from mixlib.masks.cells import enlarge
from mixlib.methods.mixpro import MaskedCells, ProgressiveAttention, mixpro
from mixlib.methods.smmix import smmix, window_sums
from mixlib.methods.tla import TlAlign, TokenBox, aligned, attention_paths, tla
from mixlib.methods.transmix import TransMix
from mixlib.training.recipes import recipe
from tests.mixlib.small_vit import batch, falling, small_vit


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize(
    ("name", "case"), [("tlalign", 0), ("tlalign", 1), ("tlalign_b", 0), ("tlalign_b", 1)]
)
def test_boxes_of_tokens(golden, name, case):
    data, at = golden(f"automix/{name}"), f"c{case}_"
    side = 32 // int(data["patch_size"])
    center = torch.tensor([[int(data[at + "cy_openmixup"]), int(data[at + "cx_openmixup"])]])
    own = TokenBox((side, side), "drop").tokens(tensor(data[at + "lam"])[None], center)
    mask = enlarge(own.float(), (32, 32))
    assert torch.equal(mask[0], 1 - tensor(data[at + "mask"]).float())
    assert float(mask.mean()) == pytest.approx(float(data[at + "lam_adj"]))
    x = tensor(data["x"])
    mix = pair(tensor(data[at + "perm"]), mask, mask.mean((1, 2)))
    torch.testing.assert_close(blend(mix, x), tensor(data[at + "img"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "case"), [("smmix", 0), ("smmix", 1), ("smmix_b", 0)])
def test_windows_by_attention(golden, name, case):
    data, at = golden(f"automix/{name}"), f"c{case}_"
    x, maps = tensor(data["x"]), tensor(data["attn_cls_row"]).mean(1).view(-1, 14, 14)
    side = torch.full((len(x),), int(data[at + "side"]))
    mix = smmix().solve(x, maps, torch.arange(len(x)).flip(0), side)
    assert torch.equal(mix.mask.inside(), tensor(data[at + "source_mask"]).bool())
    torch.testing.assert_close(blend(mix, x), tensor(data[at + "img_ch0"]), atol=1e-6, rtol=0)
    torch.testing.assert_close(float(mix.weight[0, 0]), float(data[at + "lam"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("case", range(2))
def test_masked_cells_and_their_attention(golden, case):
    data, at = golden("automix/mixpro"), f"c{case}_"
    order = tensor(data[at + "patch_perms"]).long()
    lam = tensor(data[at + "lam"]).expand(3)
    whole = MaskedCells(64).pixels(lam, order, (256, 256)).mean((1, 2)).float()
    torch.testing.assert_close(whole, tensor(data[at + "area_ratio"]), atol=2e-6, rtol=0)
    own = MaskedCells(64).pixels(lam, order, (224, 224)).float()
    mix = pair(tensor(data[at + "perm"]), own, own.mean((1, 2)))
    weight = TransMix().reweighted(mix, tensor(data["attn_cls_row"]).mean(1)).weight[:, 0]
    torch.testing.assert_close(weight, tensor(data[at + "lam_attention"]), atol=2e-6, rtol=1e-5)


def test_window_sums_are_sums_over_windows():
    maps, side = torch.rand(3, 5, 6), torch.tensor([1, 2, 4])
    sums, inside = window_sums(maps, side)
    for b, s in enumerate(side.tolist()):
        for i in range(5):
            for j in range(6):
                assert bool(inside[b, i, j]) == (i + s <= 5 and j + s <= 6)
                if inside[b, i, j]:
                    direct = maps[b, i : i + s, j : j + s].sum()
                    assert float(sums[b, i, j]) == pytest.approx(float(direct), abs=1e-5)


def test_aligned_labels_keep_their_sum_and_follow_attention():
    labels = torch.rand(2, 5, 3).softmax(-1)
    matrices = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(4)]
    out = aligned(labels, matrices)
    torch.testing.assert_close(out.sum(-1), torch.ones(2, 5))
    step = labels
    for matrix in matrices:
        step = 0.5 * step + 0.5 * torch.einsum("btu,buk->btk", matrix.mean(1), step)
    torch.testing.assert_close(out, step)


def test_the_class_token_that_looks_at_one_image_has_its_label():
    net = small_vit()
    rule = TlAlign().bound(net)
    assert rule.sites == attention_paths(net.body)
    assert len(rule.sites) == 2
    own = torch.zeros(1, 32, 32)
    own[:, :16] = 1
    mix = pair(torch.tensor([1, 0]), own.expand(2, -1, -1), torch.tensor([0.5, 0.5]))
    looking = torch.zeros(2, 3, 17, 17)
    looking[..., 1] = 1  # every token looks at the first patch, which is the own image's
    weight = rule.reweighted(mix, [looking] * 8).weight
    assert float(weight[0, 0]) > 0.99
    even = torch.eye(17).expand(2, 3, -1, -1)  # nobody looks at anybody else
    torch.testing.assert_close(rule.reweighted(mix, [even] * 8).weight, mix.weight)


def test_attention_counts_as_far_as_the_prediction_is_right():
    own = torch.zeros(2, 32, 32)
    own[:, :16] = 1
    mix = pair(torch.tensor([1, 0]), own, own.mean((1, 2)))
    y, rule = torch.tensor([0, 1]), ProgressiveAttention(smoothing=0.0)
    right = soft_targets(mix, y, 4).clamp(min=1e-9).log()
    wrong = torch.tensor([[-50.0, -50.0, 0.0, -50.0]] * 2)
    torch.testing.assert_close(rule.trust(mix, right, y), torch.ones(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(rule.trust(mix, wrong, y), torch.zeros(2), atol=1e-4, rtol=0)
    seen = {"attention": torch.rand(2, 3, 17, 17).softmax(-1)}
    by_area = CrossEntropy()(mix, wrong, {}, y)
    torch.testing.assert_close(rule(mix, wrong, seen, y), by_area, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["tla", "mixpro", "smmix"])
def test_a_transformer_learns(name):
    params = {"tla": {"grid": 4}, "mixpro": {"cell": 8}, "smmix": {}}[name]
    objective = builder.objective(name, small_vit(), params, recipe("cifar"), steps=60, seed=0)
    first, last = falling(objective, *batch(8))
    assert last < first


def test_the_rules_train_around_any_policy():
    for policy, rule in ((tla(grid=4), TlAlign()), (mixpro(cell=8), ProgressiveAttention())):
        net = small_vit()
        net.sites["attention"] = attention_paths(net.body)[-1]
        step = MixOnce(net, policy, rule)(*batch(4), torch.Generator().manual_seed(0))
        assert step.loss.isfinite()
