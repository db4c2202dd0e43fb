"""The mixing benchmark: what is compared computes the same thing; times are only asked to be
there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.clock import alternate
from benchmarks.mixing import FLOOR, OURS, comparisons, markdown
from benchmarks.peers import GROUPS
from benchmarks.rivals import fmix_mask, sinkhorn_align
from mixlib.policies.align import aligned, distances, transport_plan

SHAPE = (4, 3, 32, 32)


def test_all_contenders_take_part():
    calls = {"a": lambda: torch.ones(10), "b": lambda: torch.ones(20)}
    assert alternate(calls, 2).keys() == calls.keys()


@pytest.mark.parametrize("group", GROUPS)
def test_a_comparison_has_ours_the_peers_and_the_floor(group):
    report = comparisons(SHAPE, 1)[group]()
    assert {OURS, FLOOR} < report.seconds.keys()
    assert any("timm" in name for name in report.seconds)
    assert all(seconds > 0 for seconds in report.seconds.values())
    assert "| floor: 3 N bytes |" in markdown(report)


@pytest.mark.parametrize("title", ["FMix", "AlignMix"])
def test_the_other_comparisons_run(title):
    assert comparisons(SHAPE, 1)[title]().seconds[OURS] > 0


def test_the_rewritten_alignment_computes_what_ours_does():
    data = torch.Generator().manual_seed(0)
    a, b = (torch.rand(2, 8, 4, 4, generator=data) for _ in range(2))
    ours = aligned(transport_plan(distances(a.flatten(2), b.flatten(2)), every=1), b)
    torch.testing.assert_close(sinkhorn_align(a, b), ours, atol=1e-3, rtol=1e-3)


def test_the_rewritten_fmix_has_its_share():
    mask = fmix_mask(0.3, (20, 30), np.random.default_rng(0))
    assert mask.shape == (1, 20, 30)
    assert mask.mean() == pytest.approx(0.3, abs=1 / 600)
