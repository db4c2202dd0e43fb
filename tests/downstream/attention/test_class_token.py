"""Class-token attention of timm's vision transformers, layer by layer."""

import pytest
import timm
import torch
from torch import nn

from downstream.attention.class_token import class_attention, last_layer_rank, transformer_of
from downstream.errors import InputError
from downstream.robustness.attacks import Normalized
from downstream.robustness.occlusion import occlusion_curve
from downstream.robustness.occlusion_settings import OcclusionSettings

MODELS = {
    "deit_tiny_patch16_224": 1,
    "deit_tiny_distilled_patch16_224": 2,
    "vit_base_patch16_clip_quickgelu_224": 1,
}


def small(name="deit_tiny_patch16_224", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model(
            name, img_size=(32, 48), depth=3, embed_dim=32, num_heads=2, num_classes=5, **options
        )


@pytest.mark.parametrize("name", MODELS)
def test_maps_are_the_softmax_of_queries_and_keys(name):
    """By hand: the block's own projections of what enters it."""
    vit = small(name).double()
    x = torch.rand(2, 3, 32, 48, dtype=torch.float64)
    inputs = []
    handles = [
        block.attn.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
        for block in vit.blocks
    ]
    maps = class_attention(vit, x, normalized=False)
    for handle in handles:
        handle.remove()
    assert maps.shape == (3, 2, 2, 3)
    for layer, (block, z) in enumerate(zip(vit.blocks, inputs, strict=True)):
        q, k, _ = block.attn.qkv(z).chunk(3, -1)
        for image in range(2):
            heads = []
            for head in range(2):
                part = slice(16 * head, 16 * head + 16)
                scores = q[image, 0, part] @ k[image, :, part].T / 4
                heads.append(scores.softmax(0)[MODELS[name] :])
            wanted = (sum(heads) / 2).view(2, 3)
            torch.testing.assert_close(maps[layer, image].double(), wanted, rtol=1e-5, atol=1e-7)
    assert (maps.sum((2, 3)) < 1).all()


def test_normalized_maps_sum_to_one_and_the_model_is_put_back():
    vit = small().train()
    x = torch.rand(2, 3, 32, 48)
    fused = [block.attn.fused_attn for block in vit.blocks]
    maps = class_attention(vit, x)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(3, 2))
    assert [block.attn.fused_attn for block in vit.blocks] == fused
    assert all(part.training for part in vit.modules())
    assert not any(block.attn.attn_drop._forward_pre_hooks for block in vit.blocks)


def test_a_wrapped_transformer_is_found():
    vit = small()
    model = Normalized(vit, (0.5,) * 3, (0.25,) * 3)
    assert transformer_of(model) is vit
    x = torch.rand(2, 3, 32, 48)
    torch.testing.assert_close(class_attention(model, x), class_attention(vit, (x - 0.5) / 0.25))


def test_the_last_layer_ranks_patches_for_occlusion():
    model = Normalized(small(), (0.5,) * 3, (0.25,) * 3)
    x, y = torch.rand(4, 3, 32, 48), torch.tensor([0, 1, 2, 3])
    rank = last_layer_rank(model)
    assert rank(x, y).shape == (4, 6)
    settings = OcclusionSettings(patch=16, ratios=(0.5,), which="salient")
    found = occlusion_curve(model, [(x, y)], settings, (0.5,) * 3, rank)
    assert found.counts == (3,)
    with pytest.raises(InputError, match="before normalization"):
        rank(x - 1, y)


@pytest.mark.parametrize(
    "model",
    [nn.Flatten(), small(class_token=False, global_pool="avg")],
    ids=["convolutional", "without a class token"],
)
def test_networks_without_a_class_token_are_refused(model):
    with pytest.raises(InputError, match="class token"):
        class_attention(model, torch.rand(1, 3, 32, 48))


def test_no_image_is_refused():
    with pytest.raises(InputError, match="at least one image"):
        class_attention(small(), torch.rand(0, 3, 32, 48))
