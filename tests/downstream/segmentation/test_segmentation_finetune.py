"""Fine-tuning a segmenter: schedule, crops, learning, and resuming bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

from downstream.errors import InputError
from downstream.segmentation.augment import padded, training_crop
from downstream.segmentation.finetune import Preparation, Training, segmentation_loss
from downstream.segmentation.inference import evaluate, normalizer
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.schedule import learning_rate, optimizer
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.data.shapes.scenes import Shapes
from tests.downstream.segmentation.drawn_masks import DrawnMasks

WORLD = Shapes(train=12, val=6, size=64, classes=3, objects=(1, 2), radius=(0.2, 0.35))
PIXELS = Preparation((0.5,) * 3, (0.25,) * 3)
SETTINGS = SegmentSettings(
    crop=64, stride=64, short=64, longest=128, ratio=(0.8, 1.25), layers=(0, 1, 2, 3),
    channels=16, auxiliary_channels=8, batch=4, steps=60, lr=2e-3, warmup=5, warmup_lr=1e-4,
)  # fmt: skip


def training(settings=SETTINGS, seed=0):
    data = DrawnMasks(WORLD, "train")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vit = timm.create_model(
            "deit_tiny_patch16_224", img_size=64, patch_size=8, depth=4, embed_dim=32, num_heads=2
        )
        model = UPerNet(vit, len(data.names), settings)
    return Training(model, data, settings, PIXELS, seed)


def test_a_few_steps_learn_to_find_objects():
    run = training()
    losses = []
    run.run(report=lambda step, steps, loss: losses.append(float(loss)))
    assert run.step == len(losses) == 60
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:3])
    data = DrawnMasks(WORLD, "train")
    metrics = evaluate(run.model, data, normalizer(PIXELS.mean, PIXELS.std), SETTINGS).metrics()
    counts = np.bincount(np.concatenate([data.mask(n).ravel() for n in range(12)]))
    only_background = 100 * counts[0] / counts[: len(data.names)].sum() / len(data.names)
    assert metrics["mIoU"] > only_background + 2


def test_a_resumed_run_is_the_same_to_the_bit():
    short = replace(SETTINGS, steps=6)
    whole = training(short)
    whole.run()
    first, second = training(short), training(short)
    first.run(3)
    state = first.state()
    with torch.no_grad():
        for parameter in second.model.parameters():
            parameter.zero_()
    second.resume(state)
    assert second.step == 3
    second.run()
    for ours, theirs in zip(
        second.model.state_dict().values(), whole.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_the_seed_decides_and_global_randomness_is_left_alone():
    short = replace(SETTINGS, steps=1)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    runs = [training(short, seed) for seed in (0, 0, 1)]
    for run in runs:
        run.run()
    assert torch.equal(torch.random.get_rng_state(), before)
    first, again, other = (run.model.head.merge[0].weight for run in runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_schedule_warms_up_and_falls_to_zero():
    paper = SegmentSettings()
    rates = [learning_rate(step, paper) for step in (0, 1500, 80_000, 159_999)]
    assert rates[0] == pytest.approx(1e-6)
    assert rates[1] == pytest.approx(6e-5 * (1 - 1500 / 160_000))
    assert rates[2] == pytest.approx(3e-5)
    assert rates[3] == pytest.approx(6e-5 / 160_000)


def test_every_parameter_is_in_one_group_with_its_decay_and_rate():
    run = training(replace(SETTINGS, layer_decay=0.5))
    made = optimizer(run.model, run.settings)
    names = {id(p): name for name, p in run.model.named_parameters()}
    found = {}
    for group in made.param_groups:
        for parameter in group["params"]:
            found[names.pop(id(parameter))] = (group["scale"], group["weight_decay"])
    assert not names
    assert found["head.merge.0.weight"] == (1, 0.01)
    assert found["head.merge.1.weight"] == (1, 0)
    assert found["backbone.norm.weight"] == (1, 0)
    assert found["backbone.blocks.3.attn.qkv.weight"] == (0.5, 0.01)
    assert found["backbone.blocks.0.attn.qkv.weight"] == (0.0625, 0.01)
    assert found["backbone.pos_embed"] == found["backbone.cls_token"] == (0.5**5, 0)
    assert found["backbone.patch_embed.proj.weight"] == (0.5**5, 0.01)


@pytest.mark.parametrize("seed", range(8))
def test_crops_and_masks_move_together(seed):
    """Every class has its own color, so a crop's colors tell its mask."""
    blocks = np.random.default_rng(9).integers(0, 4, (8, 8)).astype(np.uint8)
    mask = blocks.repeat(8, 0).repeat(8, 1)
    image = (60 * mask[..., None] + 20).repeat(3, 2).astype(np.uint8)
    settings = replace(SETTINGS, ratio=(0.5, 2.0))
    crop, part = training_crop(image, mask, settings, np.random.default_rng(seed))
    assert crop.shape == (*part.shape, 3)
    assert max(part.shape) <= 64
    x = normalizer((0.5,) * 3, (0.25,) * 3)(crop)
    full, classes = padded(x, part, settings.crop)
    assert full.shape == (1, 3, 64, 64)
    assert classes.shape == (1, 64, 64)
    assert torch.equal(full[:, :, : part.shape[0], : part.shape[1]], x)
    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[: part.shape[0], : part.shape[1]] = False
    assert (full[0, :, outside] == 0).all()
    assert (classes[0, outside] == IGNORE).all()
    seen = part != IGNORE
    agrees = np.abs(crop[seen][:, 0].astype(int) - (60 * part[seen].astype(int) + 20)) < 30
    # bilinear colors and nearest classes differ at the blocks' borders only
    assert agrees.mean() > 0.85


def test_the_loss_is_the_mean_over_all_pixels_with_the_auxiliary_heads():
    run = training()
    model = run.model.eval()
    x, y = torch.rand(2, 3, 64, 64), torch.randint(4, (2, 64, 64))
    main, auxiliary = model.both(x)
    half = y.clone()
    half[1] = IGNORE
    each = [
        torch.nn.functional.cross_entropy(logits[:1], y[:1]) / 2 for logits in (main, auxiliary)
    ]
    found = segmentation_loss(model, x, half, 0.4)
    torch.testing.assert_close(found, each[0] + 0.4 * each[1])
    nothing = segmentation_loss(model, x, torch.full_like(y, IGNORE), 0.4)
    assert nothing.item() == 0


def test_what_cannot_be_trained_is_refused():
    empty = DrawnMasks(replace(WORLD, train=0), "train")
    with pytest.raises(InputError, match="found an empty set"):
        Training(training().model, empty, SETTINGS, PIXELS)
    run = training()
    with torch.no_grad():
        run.model.head.classify[1].weight.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="found another at step 1"):
        run.run(3)
    assert run.step == 1
