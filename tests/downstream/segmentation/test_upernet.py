"""UPerNet on vision transformers: sizes, weights that are taken over, and what is refused."""

import pytest
import timm
import torch
from torch import nn

from downstream.errors import InputError
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import FACTORS, POOLED, PyramidPooling, UPerNet

SMALL = SegmentSettings(
    crop=64, stride=40, short=64, layers=(0, 1, 2, 3), channels=16, auxiliary_channels=8, batch=2
)


def vit(depth=4, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model(
            "deit_tiny_patch16_224", depth=depth, embed_dim=24, num_heads=2, **options
        )


def test_logits_have_the_size_of_the_image_and_the_pyramid_its_factors():
    model = UPerNet(vit(), 5, SMALL)
    x = torch.rand(2, 3, 64, 64)
    main, auxiliary = model.both(x)
    assert main.shape == auxiliary.shape == (2, 5, 64, 64)
    maps = model.features(x)
    assert [tuple(each.shape) for each in maps] == [(2, 24, 4, 4)] * 4
    sides = [each.shape[-1] for each in model.neck(maps)]
    assert sides == [round(4 * factor) for factor in FACTORS]


@pytest.mark.parametrize(
    ("name", "channels", "millions"),
    [
        ("deit_tiny_patch16_224", 512, 35.3),
        ("deit_small_patch16_224", 512, 58.0),
        ("deit_base_patch16_224", 512, 144.2),
    ],
)
def test_the_papers_backbones_fit(name, channels, millions):
    with torch.device("meta"):
        backbone = timm.create_model(name)
    settings = SegmentSettings(channels=channels)
    width, classes = backbone.embed_dim, 150

    # a convolution's weights, its norm's two numbers a channel
    def normed(inputs, outputs, side):
        return inputs * outputs * side**2 + 2 * outputs

    head = len(POOLED) * normed(width, channels, 1)
    head += normed(width + len(POOLED) * channels, channels, 3)
    head += 3 * (normed(width, channels, 1) + normed(channels, channels, 3))
    head += normed(4 * channels, channels, 3) + (channels + 1) * classes
    neck = 4 * (width * width * 10 + 2 * width)
    auxiliary = normed(width, 256, 3) + 257 * classes
    own = sum(p.numel() for p in backbone.parameters()) - (width + 1) * 1000
    own += (1024 - 196) * width
    model = UPerNet(timm.create_model(name), classes, settings)
    assert sum(p.numel() for p in model.parameters()) == own + neck + head + auxiliary
    assert (own + neck + head + auxiliary) / 1e6 == pytest.approx(millions, abs=0.1)


def test_the_backbones_weights_are_taken_over():
    backbone = vit()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    model = UPerNet(backbone, 5, SMALL)
    after = model.backbone.state_dict()
    changed = {key for key in after if not torch.equal(after[key], before.get(key, after[key][:0]))}
    # only the position embedding is resampled, from 14 x 14 to 4 x 4 patches
    assert changed == {"pos_embed"}
    assert after["pos_embed"].shape == (1, 17, 24)
    assert before.keys() - after.keys() == {"head.weight", "head.bias"}


def test_drop_path_rises_to_the_last_block():
    model = UPerNet(vit(), 5, SegmentSettings(**{**vars(SMALL), "drop_path": 0.3}))
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in model.backbone.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3])


def test_pooling_over_the_whole_map_is_its_mean():
    pool = PyramidPooling(3, 2).eval()
    assert [level[0].output_size for level in pool.levels] == list(POOLED)
    x = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(pool.levels[0][0](x)[..., 0, 0], x.mean((2, 3)))


@pytest.mark.parametrize(
    ("backbone", "classes", "settings", "message"),
    [
        (nn.Conv2d(3, 3, 1), 5, SMALL, "VisionTransformer, found Conv2d"),
        (vit(), 1, SMALL, "at least two classes, found 1"),
        (vit(), 5, SegmentSettings(crop=48, stride=40), "multiple of 32, twice the patch"),
        (vit(), 5, SegmentSettings(), "below 4, the backbone's depth"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(backbone, classes, settings, message):
    with pytest.raises(InputError, match=message):
        UPerNet(backbone, classes, settings)


BAD = {
    "crop must be at least 1": {"crop": 0},
    "batch must be at least 2": {"batch": 1},
    "both positive": {"ratio": (0.0, 2.0)},
    "leaves gaps": {"stride": 600},
    "must rise from 0 on": {"layers": (2, 2, 5, 8)},
    "scales must be positive": {"scales": ()},
}


@pytest.mark.parametrize("message", BAD)
def test_settings_that_cannot_be_used_are_refused(message):
    with pytest.raises(InputError, match=message):
        SegmentSettings(**BAD[message])
