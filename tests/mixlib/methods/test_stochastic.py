"""Stochastic choices: timm's recorded batches in every mode, and the odds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.choice import Choice, draw_choices
from mixlib.core.labels import soft_targets
from mixlib.core.mix import Boxes, blend, pair
from mixlib.core.policy import Keep
from mixlib.methods.cutmix import Box, cutmix, cutmix_half
from mixlib.methods.mixup import Flat, mixup
from mixlib.methods.stochastic import Stochastic, assemble, mirrored, stochastic


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("case", range(6))
def test_timm_batches(golden, case):
    data, at = golden("methods/timm_modes"), f"c{case:02d}_"
    x, target = (torch.from_numpy(data[at + key]) for key in ("images", "target"))
    mode, use = str(data[at + "mode"]), torch.from_numpy(data[at + "use_cutmix"])
    final = torch.from_numpy(data[at + "lam_final"])
    drawn = torch.from_numpy(data[at + "lam_drawn"])
    if len(drawn):  # recorded for whole batches: only a box's area corrects lambda
        torch.testing.assert_close(final[~use], drawn[~use])
    recorded = iter(data[at + "boxes_y0y1x0x1_lam"])
    edges = torch.zeros(len(use), 4, dtype=torch.int64)
    for i in np.flatnonzero(use):
        top, bottom, left, right, lam = next(recorded)
        edges[i] = torch.tensor([top, left, bottom - top, right - left])
        final[i] = lam
    boxes = Boxes(edges, (16, 16))
    own, share = assemble(use.long(), [final[:, None, None], boxes], [final, final], (16, 16))
    torch.testing.assert_close(share[use], boxes.share_outside()[use], atol=1e-6, rtol=0)
    if mode == "pair":
        own, share = mirrored(own, 6), mirrored(share, 6)
    mix = pair(torch.arange(5, -1, -1), own, share)
    torch.testing.assert_close(
        blend(mix, x), torch.from_numpy(data[at + "mixed"]), atol=1e-6, rtol=0
    )
    rows = soft_targets(mix, target, 7, smoothing=0.1)
    torch.testing.assert_close(rows, torch.from_numpy(data[at + "soft_target"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["sample", "pair", "batch"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_mode_mixes_what_it_says(mode, n):
    x, y = torch.eye(n)[:, :, None, None].expand(n, n, 8, 8), torch.arange(n)
    mix = stochastic(mode=mode, prob=0.9).draw(x, y, None, rng(n))
    shares = blend(mix, x).mean((2, 3))
    expected = torch.zeros(n, n).scatter_add_(1, mix.source, mix.weight)
    torch.testing.assert_close(shares, expected)
    if mode == "pair":
        dense = mix.dense((8, 8)).expand(n, -1, 8, 8)[:, 0]
        torch.testing.assert_close(dense, dense.flip(0).expand(n, 8, 8))


def test_choices_come_with_their_odds():
    drawn = draw_choices((0.2, 0.5), 20_000, rng())
    share = drawn.bincount(minlength=3) / 20_000
    torch.testing.assert_close(share, torch.tensor([0.2, 0.5, 0.3]), atol=0.015, rtol=0)
    assert draw_choices((0.5, 0.5), 20_000, rng()).max() == 1
    choice = Choice((mixup(), cutmix()), (0.3, 0.3))
    chosen = [choice.choose(rng(seed)) for seed in range(300)]
    laws = [None if isinstance(policy, Keep) else type(policy.law) for policy in chosen]
    counts = [laws.count(kind) for kind in (Flat, Box, None)]
    assert min(counts) > 60
    assert sum(counts) == 300


def test_half_of_the_batches_stay_whole():
    x, y = torch.randn(4, 3, 8, 8), torch.arange(4)
    kept = [
        torch.equal(blend(cutmix_half().draw(x, y, None, rng(seed)), x), x) for seed in range(100)
    ]
    assert 25 < sum(kept) < 75


def test_bad_odds_are_refused():
    for build in (
        lambda: Choice((mixup(),), (0.5, 0.5)),
        lambda: Choice((mixup(), cutmix()), (0.7, 0.7)),
        lambda: Stochastic((), (), "pair", "roll"),
    ):
        with pytest.raises(ValueError, match="got"):
            build()
