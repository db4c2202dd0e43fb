"""Does the block learn?  After a short training its masks have shape and follow lambda."""

from __future__ import annotations

import torch

from mixlib.core.net import Net
from mixlib.methods.automix import automix, automix_spec
from mixlib.seed import generator
from tests.mixlib.methods.automix.golden_cases import tiny_resnet

SIDE, CLASSES, STEPS = 16, 4, 300


def patterns() -> torch.Tensor:
    """One 8 x 8 pattern per class: stripes both ways, a fine and a coarse chessboard."""
    at = torch.arange(8)
    rows, cols = at[:, None].expand(8, 8), at[None].expand(8, 8)
    cells = torch.stack([rows % 2, cols % 2, (rows + cols) % 2, (rows // 2 + cols // 2) % 2])
    return 1.5 * (2.0 * cells - 1)


def images(n: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with the pattern of the class at a random place: the mask has something to find."""
    y = torch.randint(CLASSES, (n,), generator=rng)
    x = 0.5 * torch.randn(n, 3, SIDE, SIDE, generator=rng)
    for image, label in zip(x, y, strict=True):
        top, left = torch.randint(SIDE - 8, (2,), generator=rng).tolist()
        image[:, top : top + 8, left : left + 8] += patterns()[label]
    return x, y


def test_masks_follow_lambda_and_are_not_flat():
    torch.manual_seed(0)
    # 300 steps stand for an epoch or two: the block gets a fast optimizer and a full lambda loss;
    # after 150 it is still learning, and how far it is depends on the processor's roundings
    objective = automix(
        Net(tiny_resnet((8, 16, 32, 32), CLASSES)),
        automix_spec(
            {
                "site": "layer3",
                "image": SIDE,
                "alpha": 1.0,
                "lam_weight": {"start": 1.0},
                "momentum": {"start": 0.9, "end": 0.9},
            }
        ),
        steps=STEPS,
    ).train()
    groups = objective.groups()
    optim = torch.optim.AdamW(
        [{"params": groups["net"], "lr": 3e-3}, {"params": groups["block"], "lr": 3e-2}]
    )
    data = generator(0, "data")
    for i in range(STEPS):
        x, y = images(32, data)
        optim.zero_grad()
        objective(x, y, generator(0, "mix", i)).loss.backward()
        optim.step()
        objective.update_teacher(i)

    x, _ = images(64, data)
    lams, partner = torch.linspace(0.1, 0.9, 9), torch.arange(64).roll(1)
    with torch.no_grad():
        z = objective.look(x)
        masks = torch.stack([objective.block(z, partner, lam[None], (SIDE, SIDE)) for lam in lams])
    share = masks.mean((1, 2, 3))
    assert torch.corrcoef(torch.stack([share, lams]))[0, 1] > 0.9
    assert share[-1] - share[0] > 0.2
    assert masks[4].std((1, 2)).mean() > 0.01
