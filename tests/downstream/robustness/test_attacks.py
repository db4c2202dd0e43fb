"""Gradient attacks stay in the ball and in the pixel range, and stronger ones find more."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from downstream.errors import InputError
from downstream.robustness.apgd import apgd, checkpoints, losses
from downstream.robustness.attacks import Normalized, fgsm, loss_gradient, pgd, project
from mixlib.seed import generator

ATTACKS = {
    "fgsm": fgsm,
    "pgd": pgd,
    "pgd from a random start": lambda *args: pgd(*args, rng=generator(0, "start")),
    "apgd": lambda *args: apgd(*args, steps=12),
    "apgd from a random start": lambda *args: apgd(*args, steps=12, rng=generator(0, "start")),
    "apgd dlr": lambda *args: apgd(*args, steps=12, loss="dlr"),
}


def small(seed=0, classes=4):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, classes),
        )  # fmt: skip
    return Normalized(net, (0.5, 0.5, 0.5), (0.1, 0.1, 0.1)).double()


@pytest.mark.parametrize("name", ATTACKS)
@given(
    epsilon=st.sampled_from([0.0, 1 / 255, 8 / 255, 0.3]),
    seed=st.integers(0, 1000),
    extreme=st.booleans(),
)
@settings(deadline=None, max_examples=8)
def test_attacked_images_stay_in_the_ball_and_in_the_pixel_range(name, epsilon, seed, extreme):
    x = torch.rand(3, 3, 6, 6, generator=generator(seed), dtype=torch.float64)
    x = x.round() if extreme else x
    found = ATTACKS[name](small(), x, torch.tensor([0, 1, 2]), epsilon)
    assert found.shape == x.shape
    assert float((found - x).abs().max()) <= epsilon + 1e-12
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    assert not found.requires_grad


@pytest.mark.parametrize("name", ATTACKS)
def test_the_model_is_attacked_in_evaluation_mode_and_put_back(name):
    model = small().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    x, y = torch.rand(4, 3, 6, 6, generator=generator(1)).double(), torch.tensor([0, 1, 2, 3])
    with torch.no_grad():
        first, again = (ATTACKS[name](model, x, y, 8 / 255) for _ in range(2))
    assert torch.equal(first, again)
    assert all(part.training for part in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


# random starts are drawn for a batch
@pytest.mark.parametrize("name", [name for name in ATTACKS if "random" not in name])
def test_images_are_attacked_each_on_their_own(name):
    model = small()
    x = torch.rand(5, 3, 6, 6, generator=generator(2)).double()
    y = torch.tensor([0, 1, 2, 3, 0])
    whole = ATTACKS[name](model, x, y, 0.05)
    parts = [ATTACKS[name](model, x[i : i + 1], y[i : i + 1], 0.05) for i in range(5)]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=0, atol=1e-12)


def trained():
    """A small network that has learned which corner is bright, and its images."""
    rng = generator(3)
    y = torch.randint(4, (200,), generator=rng)
    x = 0.4 * torch.rand(200, 3, 8, 8, generator=rng)
    for corner in range(4):
        top, left = 4 * (corner // 2), 4 * (corner % 2)
        x[y == corner, :, top : top + 4, left : left + 4] += 0.15
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(128, 4),
        )  # fmt: skip
    model = Normalized(net, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.double(), x.double(), y


def test_stronger_attacks_find_more():
    model, x, y = trained()
    epsilon = 16 / 255

    def fooled(found):
        return float((model(found).argmax(1) != y).double().mean())

    single = fgsm(model, x, y, epsilon)
    many = pgd(model, x, y, epsilon, step=epsilon / 4)
    adaptive = apgd(model, x, y, epsilon, 50)
    errors = [fooled(found) for found in (x, single, many, adaptive)]
    assert errors == sorted(errors)
    assert errors[0] < 0.05 < errors[1] < errors[2] < 1
    # where neither succeeds, the adaptive step has climbed at least as high on the whole
    with torch.no_grad():
        still = model(adaptive).argmax(1) == y
        high, low = (
            F.cross_entropy(model(found[still]), y[still], reduction="none")
            for found in (adaptive, many)
        )
    assert still.any()
    assert high.mean() > low.mean()


def test_a_masked_gradient_stops_pgd_and_not_the_logits_ratio():
    """Logits times 1000: in float32 the cross-entropy has no gradient left, the ratio has."""
    model, x, y = trained()
    model, x = model.float(), x.float()

    class Sharp(nn.Module):
        def forward(self, x):
            return 1000 * model(x)

    right = model(x).argmax(1) == y
    x, y = x[right], y[right]
    epsilon = 16 / 255
    found = {
        "pgd": pgd(Sharp(), x, y, epsilon, step=epsilon / 4),
        "dlr": apgd(Sharp(), x, y, epsilon, 50, "dlr"),
    }
    errors = {n: float((model(x).argmax(1) != y).float().mean()) for n, x in found.items()}
    assert errors["pgd"] < errors["dlr"] / 2


def test_fgsm_steps_along_each_images_own_gradient():
    model = small()
    x, y = torch.rand(3, 3, 6, 6, generator=generator(4)).double(), torch.tensor([0, 1, 2])
    x = 0.25 + x / 2
    sign = loss_gradient(model.eval(), x, y).sign()
    torch.testing.assert_close(fgsm(model, x, y, 0.1), x + 0.1 * sign)


def test_checkpoints_are_the_papers():
    # shares 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [3, 5, 6, 7, 8, 9, 10, 10]


def test_the_logits_ratio_is_eq_6():
    logits = torch.tensor([[3.0, 1.0, 0.0, 2.0], [3.0, 1.0, 0.0, 2.0]])
    found = losses(logits, torch.tensor([0, 1]), "dlr")
    assert found.tolist() == pytest.approx([-(3 - 2) / (3 - 1), -(1 - 3) / (3 - 1)])
    torch.testing.assert_close(losses(50 * logits, torch.tensor([0, 1]), "dlr"), found)


def test_projection_is_idempotent_and_exact_at_the_border():
    x = torch.tensor([0.0, 0.5, 1.0])
    moved = project(torch.tensor([-1.0, 2.0, 0.0]), x, 0.1)
    assert moved.tolist() == pytest.approx([0.0, 0.6, 0.9])
    assert torch.equal(project(moved, x, 0.1), moved)


@pytest.mark.parametrize("name", ATTACKS)
def test_normalized_images_are_refused(name):
    x, y = torch.full((1, 3, 6, 6), -1.2).double(), torch.tensor([0])
    with pytest.raises(InputError, match="before normalization"):
        ATTACKS[name](small(), x, y, 0.1)


def test_settings_that_cannot_be_used_are_refused():
    x, y = torch.rand(1, 3, 6, 6).double(), torch.tensor([0])
    with pytest.raises(InputError, match="must not be negative"):
        fgsm(small(), x, y, -0.1)
    with pytest.raises(InputError, match="must not be negative"):
        apgd(small(), x, y, -0.1)
    with pytest.raises(InputError, match="ce or dlr"):
        apgd(small(), x, y, loss="cw")
    with pytest.raises(InputError, match="at least three classes, found 2"):
        apgd(small(classes=2), x, y, loss="dlr")
    with pytest.raises(InputError, match="must be positive"):
        Normalized(nn.Identity(), (0.5,), (0.0,))


def test_a_radius_for_each_image():
    rng = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    x, y = torch.rand(4, 3, 2, 2, generator=rng), torch.arange(4) % 3
    radius = torch.tensor([0.0, 0.01, 0.02, 0.04]).view(-1, 1, 1, 1)
    for attacked in (fgsm(model, x, y, radius), pgd(model, x, y, radius, radius / 2, steps=4)):
        moved = (attacked - x).abs().flatten(1).amax(1)
        assert (moved <= radius.flatten() + 1e-6).all()
        assert moved[0] == 0
        assert moved[3] > moved[1] > 0
    alone = [fgsm(model, x[k : k + 1], y[k : k + 1], float(radius[k])) for k in range(4)]
    torch.testing.assert_close(fgsm(model, x, y, radius), torch.cat(alone))
    with pytest.raises(InputError, match="must not be negative"):
        fgsm(model, x, y, -radius)
