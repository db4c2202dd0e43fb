"""MergeMix: token merging against the released one and a loop over tokens; masks of clusters.

The recording (OpenMixup 37e1372: merged tokens, their sizes and the map of the patches, over three
mergings) covers the merging only: what the release reads of its attention differs, see the module.
"""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from timm.models.vision_transformer import ParallelScalingBlock, VisionTransformer
from torch import nn
from torch.nn import functional as F

from mixlib.catalog import build as builder
from mixlib.core.mix import blend
from mixlib.core.net import Net, inference
from mixlib.methods import mergemix as module
from mixlib.methods.mergemix import (
    decreasing,
    merge,
    merged_attention,
    mergemix,
    of_patches,
    rescaled,
    strongest,
    transformer_blocks,
)
from mixlib.models.attention import attention_map, last_attention, token_layout
from mixlib.training.recipes import recipe
from tests.mixlib.small_vit import batch, falling, small_vit


@pytest.mark.parametrize("case", [0, 1])
def test_merging_equals_the_released_one(golden, case):
    data, at = golden("methods/mergemix"), f"c{case}_"
    now = of_patches(torch.from_numpy(data[at + "x"]), prefix=1)
    for k, count in enumerate(data[at + "counts"]):
        now = merge(now, torch.from_numpy(data[f"{at}metric{k}"]), 1, int(count))
        tokens, sizes = (torch.from_numpy(data[f"{at}{what}{k}"]) for what in ("tokens", "size"))
        torch.testing.assert_close(now.tokens, tokens, atol=2e-6, rtol=1e-5)
        assert torch.equal(now.size[..., 0], sizes[:, 1:])
        # the released map counts the class token
        assert torch.equal(now.source, torch.from_numpy(data[f"{at}map{k}"])[:, 1:].long() - 1)


def by_tokens(clusters, keys, prefix, count):
    """One merging of one sample.

    ``clusters``: (token, patches) in the order of the tokens, prefix tokens first with no patch.
    """
    front, patches = clusters[:prefix], clusters[prefix:]
    key = [k / k.norm() for k in keys[prefix:]]
    pairs = []
    for i in range(1, len(patches), 2):
        likeness = [(float(key[i] @ key[j]), -j) for j in range(0, len(patches), 2)]
        best, j = max(likeness)
        pairs.append((-best, i, -j))
    chosen = sorted(pairs)[:count]
    gone = {i for _, i, _ in chosen}
    into = {j: [j, *(i for _, i, to in chosen if to == j)] for j in range(0, len(patches), 2)}
    kept = [patches[i] for i in range(1, len(patches), 2) if i not in gone]
    merged = []
    for members in into.values():
        whose = [n for i in members for n in patches[i][1]]
        total = sum(patches[i][0] * len(patches[i][1]) for i in members)
        merged.append((total / len(whose), whose))
    return [*front, *kept, *merged]


@pytest.mark.parametrize("prefix", [0, 1, 2])
@pytest.mark.parametrize("patches", [9, 16])
def test_merging_is_that_of_a_loop_over_tokens(prefix, patches):
    rng = torch.Generator().manual_seed(patches + prefix)
    tokens = torch.randn(3, prefix + patches, 4, generator=rng)
    now = of_patches(tokens, prefix)
    clusters = [
        [*((t, []) for t in row[:prefix]), *((t, [i]) for i, t in enumerate(row[prefix:]))]
        for row in tokens
    ]
    for count in (2, 3, 1, 50):
        keys = torch.randn(3, now.tokens.shape[1], 5, generator=rng)
        now = merge(now, keys, prefix, count)
        for b in range(3):
            half = (len(clusters[b]) - prefix) // 2
            clusters[b] = by_tokens(clusters[b], keys[b], prefix, min(count, half))
            torch.testing.assert_close(now.tokens[b], torch.stack([t for t, _ in clusters[b]]))
            source = {
                i: place for place, (_, whose) in enumerate(clusters[b][prefix:]) for i in whose
            }
            assert now.source[b].tolist() == [source[i] for i in range(patches)]
            sizes = [float(len(whose)) for _, whose in clusters[b][prefix:]]
            assert now.size[b, :, 0].tolist() == sizes
    # what the merged tokens stand for is still every patch once
    torch.testing.assert_close(
        (now.tokens[:, prefix:] * now.size).sum(1), tokens[:, prefix:].sum(1), atol=1e-4, rtol=1e-4
    )


def test_a_share_of_the_tokens_is_merged_less_from_block_to_block():
    for total, blocks in ((98, 12), (49, 12), (147, 12), (0, 3), (5, 1)):
        counts = decreasing(total, blocks)
        assert sum(counts) == total
        assert len(counts) == blocks
        assert all(a >= b - 1 for a, b in itertools.pairwise(counts))
    # 98 of 196 in twelve blocks: 8 a block in the mean
    assert decreasing(98, 12)[0] == 12
    assert decreasing(98, 12)[-1] == 4


def attention_without_merging(net: Net, x: torch.Tensor) -> torch.Tensor:
    with inference(net):
        matrix = net.features(x, last_attention(net.body))
    return attention_map(matrix, token_layout(net), tuple(x.shape[-2:]))


def test_without_merging_it_is_the_network_s_own_attention():
    net, (x, _) = small_vit(), batch(3)
    with inference(net):
        ours = merged_attention(net, x, 0.0)
    torch.testing.assert_close(ours, attention_without_merging(net, x))


def test_patches_that_were_merged_have_one_attention():
    torch.manual_seed(0)
    net, (x, _) = Net(VisionTransformer(32, 4, embed_dim=12, depth=4, num_heads=3)), batch(3)
    with torch.no_grad():
        for block in net.model.blocks:
            # maps far from even: two of 64 single-precision numbers near 1/64 may agree by chance
            block.attn.qkv.weight *= 20
    with inference(net):
        maps = merged_attention(net, x, 0.5)
        plain = merged_attention(net, x, 0.0)
    merged = sum(decreasing(32, 4)[:3])  # the last block's own come after its attention
    for row, before in zip(maps.flatten(1), plain.flatten(1), strict=True):
        assert len(row.unique()) == 64 - merged
        assert len(before.unique()) == 64
    assert net.training


def test_a_network_of_alike_patches_looks_at_them_as_one():
    """Two images in one: the left half of the patches is one color, the right half another."""
    torch.manual_seed(1)
    net = Net(VisionTransformer(32, 4, embed_dim=12, depth=6, num_heads=3, pos_embed="none"))
    x = torch.zeros(2, 3, 32, 32)
    x[:, :, :, 16:] = torch.randn(2, 3, 1, 1)
    with inference(net):
        maps = merged_attention(net, x, 0.75)
    left, right = maps[:, :, :4].flatten(1), maps[:, :, 4:].flatten(1)
    for half in (left, right):
        torch.testing.assert_close(half, half[:, :1].expand_as(half))


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.5, 1.0])
def test_the_strongest_tokens_stay(lam):
    maps = torch.rand(4, 4, 4, generator=torch.Generator().manual_seed(0))
    partner = torch.tensor([1, 2, 3, 0])
    mix = mergemix().solve(maps, partner, torch.full((4,), lam, dtype=torch.float64), (16, 8))
    own = mix.mask[:, 0, ::4, ::2]
    count = int(lam * 16)
    assert (own.sum((1, 2)) == count).all()
    assert torch.equal(mix.weight[:, 0], torch.full((4,), count / 16))
    for row, kept in zip(maps.flatten(1), own.flatten(1).bool(), strict=True):
        if 0 < count < 16:
            assert row[kept].min() > row[~kept].max()
    x = torch.arange(4.0)[:, None, None, None].expand(4, 1, 16, 8)
    shown = torch.where(mix.mask[:, :1] == 1, x, x[partner])
    torch.testing.assert_close(blend(mix, x), shown)


def test_of_equal_tokens_the_first_stay():
    maps = torch.tensor([[[2.0, 2.0, 2.0, 1.0]]])
    assert strongest(maps, torch.tensor([2])).flatten().tolist() == [True, True, False, False]


def test_the_paper_s_label_shares_depend_on_no_mask():
    net, (x, y) = small_vit(), batch(6)
    mixes = [
        mergemix(rescale=rescale).draw(x, y, net, torch.Generator().manual_seed(3))
        for rescale in (False, True)
    ]
    assert torch.equal(mixes[0].mask, mixes[1].mask)
    torch.testing.assert_close(mixes[0].weight[:, 0], mixes[0].mask[:, 0].mean((1, 2)))
    shares = mixes[1].weight[:, 0]
    assert (shares.min(), shares.max()) == (0, 1)
    torch.testing.assert_close(mixes[1].weight.sum(1), torch.ones(6))
    assert rescaled(torch.tensor([0.3])).tolist() == [0.5]
    # mu and sigma of the Gaussian cancel out
    unit = torch.randn(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(rescaled(0.25 + 3 * unit), rescaled(unit))


def test_a_teacher_is_asked_in_the_place_of_the_network():
    net, teacher, (x, y) = small_vit(), small_vit(), batch(4)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    draw = [
        policy.draw(x, y, net, torch.Generator().manual_seed(0))
        for policy in (mergemix(), mergemix(teacher=teacher), mergemix(teacher=net))
    ]
    assert torch.equal(draw[0].mask, draw[2].mask)
    assert not torch.equal(draw[0].mask, draw[1].mask)


def refused(model: nn.Module) -> str:
    with pytest.raises(ValueError, match=r"attention|Block") as error:
        transformer_blocks(Net(model))
    return str(error.value)


def test_networks_that_cannot_merge_are_refused_when_it_is_built():
    words = {"img_size": 16, "patch_size": 4, "embed_dim": 8, "depth": 2, "num_heads": 2}
    assert "Sequential" in refused(nn.Sequential(nn.Conv2d(3, 4, 3)))
    assert "class token" in refused(
        VisionTransformer(**words, class_token=False, global_pool="avg")
    )
    from timm.models.vision_transformer import ResPostBlock

    assert "ResPostBlock" in refused(VisionTransformer(**words, block_fn=ResPostBlock))
    refused(VisionTransformer(**words, block_fn=ParallelScalingBlock))
    with pytest.raises(ValueError, match="Sequential"):
        mergemix().check_net(Net(nn.Sequential(nn.Conv2d(3, 4, 3))))


def test_the_keys_decide_and_the_class_token_is_who_looks(monkeypatch):
    """Mutations: tokens in the place of keys, or another row of the attention, change the masks."""
    torch.manual_seed(0)
    net, (x, _) = Net(VisionTransformer(32, 4, embed_dim=12, depth=4, num_heads=3)), batch(3)
    with inference(net):
        ours = merged_attention(net, x, 0.5)
        right = module.merge
        monkeypatch.setattr(
            module, "merge", lambda now, keys, prefix, count: right(now, now.tokens, prefix, count)
        )
        assert not torch.equal(merged_attention(net, x, 0.5), ours)


def test_half_precision_networks_are_read_as_others():
    torch.manual_seed(0)
    net, (x, _) = Net(VisionTransformer(32, 4, embed_dim=12, depth=4, num_heads=3)), batch(3)
    low = copy.deepcopy(net).bfloat16()
    with inference(net), inference(low):
        ours, theirs = merged_attention(net, x, 0.5), merged_attention(low, x.bfloat16(), 0.5)
    assert theirs.dtype == torch.float32
    assert F.cosine_similarity(ours.flatten(1), theirs.flatten(1)).min() > 0.98


def test_a_transformer_learns():
    objective = builder.objective("mergemix", small_vit(), {}, recipe("cifar"), steps=60, seed=0)
    first, last = falling(objective, *batch(8))
    assert last < first
