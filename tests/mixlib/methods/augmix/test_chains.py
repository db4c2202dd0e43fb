"""AugMix: Pillow's operations byte by byte, mixed images, and the consistency loss as recorded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from mixlib.core.mix import blend
from mixlib.core.net import Net
from mixlib.methods.augmix import operations as chain_ops
from mixlib.methods.augmix.chains import Chains, augmix
from mixlib.methods.augmix.consistency import Consistency, augmix_consistency, divergence


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def draws(rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Recorded chains (chain, operation, level, sign) as [1, 3, 3] each."""
    operation = torch.full((1, 3, 3), -1)
    level, sign = torch.zeros(1, 3, 3, dtype=torch.float64), torch.ones(1, 3, 3)
    used = [0, 0, 0]
    for chain, op, strength, direction in rows:
        at = (0, int(chain), used[int(chain)])
        operation[at], level[at], sign[at] = int(op), strength, direction
        used[int(chain)] += 1
    return operation, level, sign


@pytest.mark.parametrize("case", range(6))
def test_official_chains_and_images(golden, case):
    data, at = golden("methods/augmix"), f"c{case:02d}_"
    image = tensor(data[at + "image_hwc"]).permute(2, 0, 1)[None]
    operation, level, sign = draws(data[at + "chains"])
    found = image.repeat(3, 1, 1, 1)
    for step in range(3):
        found = chain_ops.apply(found, operation[0, :, step], level[0, :, step], sign[0, :, step])
    outputs = tensor(data[at + "chain_outputs"]).permute(0, 3, 1, 2)
    assert torch.equal(found, outputs)
    policy = Chains((0.0,) * 3, (1.0,) * 3)
    x = image.float() / 255
    weights = tensor(data[at + "weights"])[None]
    share = tensor(data[at + "m"]).float()[None]
    mix = policy.solve(x, operation, level, sign, weights, share)
    mixed = tensor(data[at + "mixed"]).permute(2, 0, 1)[None]
    torch.testing.assert_close(blend(mix, x), mixed, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(32, 32), (17, 40), (1, 1)])
def test_every_operation_is_pillow_s(size):
    rng = np.random.default_rng(0)
    levels = {
        "autocontrast": lambda im, v: ImageOps.autocontrast(im),
        "equalize": lambda im, v: ImageOps.equalize(im),
        "posterize": lambda im, v: ImageOps.posterize(im, 4 - int(v * 4 / 10)),
        "solarize": lambda im, v: ImageOps.solarize(im, 256 - int(v * 256 / 10)),
        "rotate": lambda im, v: im.rotate(-int(v * 30 / 10), resample=Image.BILINEAR),
    }
    h, w = size
    for name, row in (
        ("shear_x", lambda v: (1, -v * 0.3 / 10, 0, 0, 1, 0)),
        ("shear_y", lambda v: (1, 0, 0, -v * 0.3 / 10, 1, 0)),
        ("translate_x", lambda v: (1, 0, -int(v * (w / 3) / 10), 0, 1, 0)),
        ("translate_y", lambda v: (1, 0, 0, 0, 1, -int(v * (h / 3) / 10))),
    ):
        levels[name] = lambda im, v, row=row: im.transform(
            im.size, Image.AFFINE, row(v), resample=Image.BILINEAR
        )
    image = rng.integers(30, 200, (h, w, 3), dtype=np.uint8)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    for name, reference in levels.items():
        for level in (0.1, 2.7, 9.9):
            index = torch.tensor([chain_ops.OPERATIONS.index(name)])
            ours = chain_ops.apply(
                batch, index, torch.tensor([level], dtype=torch.float64), torch.tensor([-1.0])
            )
            sign_free = reference(Image.fromarray(image), level)
            theirs = torch.from_numpy(np.array(sign_free)).permute(2, 0, 1)
            assert (ours[0].int() - theirs.int()).abs().max() <= 1, (name, level)
    nothing = chain_ops.apply(
        batch, torch.tensor([-1]), torch.tensor([5.0]).double(), torch.tensor([1.0])
    )
    assert torch.equal(nothing, batch)


@pytest.mark.parametrize("case", range(4))
def test_official_divergence(golden, case):
    data, at = golden("methods/augmix_jsd"), f"c{case:02d}_"
    logits = tensor(data[at + "logits"])
    clean = torch.nn.functional.cross_entropy(logits[0], tensor(data[at + "target"]))
    loss = clean + 12 * divergence(logits)
    torch.testing.assert_close(loss.double(), tensor(data[at + "loss"]), rtol=1e-5, atol=0)


def test_the_objective_trains_and_its_views_differ():
    torch.manual_seed(0)
    net = Net(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 4)))
    x, y = torch.rand(3, 3, 8, 8), torch.arange(3)
    objective = augmix_consistency(net, mean=(0.0,) * 3, std=(1.0,) * 3)
    assert isinstance(objective, Consistency)
    step = objective(x, y, torch.Generator().manual_seed(0))
    assert step.terms["agree"] > 0
    step.loss.backward()
    again = objective(x, y, torch.Generator().manual_seed(0))
    assert torch.equal(step.loss, again.loss)
    assert objective.predictor() is net.model


def test_labels_stay_and_values_stay_pictures():
    x, y = torch.rand(20, 3, 12, 9), torch.arange(20)
    policy = augmix((0.0,) * 3, (1.0,) * 3)
    mix = policy.draw(x, y, None, torch.Generator().manual_seed(0))
    assert torch.equal(mix.weight.sum(1), torch.ones(20))
    assert torch.equal(mix.weight[:, 0], torch.ones(20))
    out = blend(mix, x)
    assert out.min() >= -1e-6
    assert out.max() <= 1 + 1e-6
    assert not torch.equal(out, x)
