"""Masks of trained methods: what is measured, of which moment, and what cannot be asked."""

from __future__ import annotations

import pytest
import torch

from pipelines.data import datasets
from pipelines.data.fingerprints import specify
from pipelines.declare.errors import DeclarationError
from pipelines.declare.scale import Scale, Short
from pipelines.execute.masks import measure
from pipelines.execute.perform import perform
from pipelines.execute.store import Store
from pipelines.plan.kinds import MasksJob
from pipelines.plan.kinds.masks import LAMS
from pipelines.plan.setting import Setting
from pipelines.plan.shorten import shorten

SCALE = Scale(
    "tiny", "tiny", "a test", 1,
    family="generated",
    data={"cifar10": {"name": "shapes", "spec": {"train": 16, "val": 12, "size": 32}}},
    backbones={"resnet18_cifar": "resnet10_w16"},
    kinds={"train": {"default": {
        "epochs": 2, "batch": 8,
        "augmentation": {"size": 32, "crop": "none", "flip": 0.0, "test_ratio": 0.0},
    }}},
)  # fmt: skip
SETTING = Setting("here", SCALE, 0)
POINT = {
    "data": "cifar10",
    "backbone": "resnet18_cifar",
    "method": "automix",
    "recipe": "cifar",
    "snapshots": [0, 1],
    "pairs": 10,
}


@pytest.fixture
def look(tmp_path, monkeypatch):
    """A function: declared fields -> the result of looking at the masks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    store = Store()

    def found(**fields):
        job = MasksJob.build({**POINT, **fields}, SETTING)
        for each in job.closure():
            for data in each.datasets:
                row = datasets.DATASETS[data.name]
                datasets.prepare(row, specify(row, dict(data.spec)))
            if not store.finished(each):
                perform(each, store, checkpoint_seconds=1e9, accelerator="cpu")
        return store.read(job)

    return found


def test_masks_of_a_moment_are_those_of_its_snapshot(look):
    """The start, an epoch and the end share one training and differ."""
    start, first, end = look(after=0), look(after=1), look()
    assert set(start["metrics"]) == set(MasksJob.metrics)
    spreads = [result["metrics"]["mask_spread"] for result in (start, first, end)]
    assert len(set(spreads)) == 3
    assert [row["lambda"] for row in end["history"]] == list(LAMS)
    shares = [row["share"] for row in end["history"]]
    assert all(0 <= share <= 1 for share in shares)


def test_masks_of_mixup_are_flat_and_follow_lambda(look):
    found = look(method="mixup", snapshots=[])["metrics"]
    assert found["mask_lambda"] == pytest.approx(1)
    assert (found["mask_spread"], found["mask_shaped"]) == (0, 0)


def test_masks_of_cutmix_have_shape_and_follow_lambda_but_for_the_border(look):
    """Zeros and ones; a box beyond the border is cut off, so that more of the own image stays."""
    found = look(method="cutmix", snapshots=[])["metrics"]
    assert 0.6 < found["mask_lambda"] < 1
    assert found["mask_spread"] > 0.3
    assert found["mask_shaped"] > 80


def test_only_a_moment_that_was_kept_can_be_looked_at():
    with pytest.raises(
        DeclarationError, match=r"after: expected one of the snapshots, 0, 1, found 7"
    ):
        MasksJob.build({**POINT, "after": 7}, SETTING)


def test_a_shortened_training_is_looked_at_at_its_end():
    """A moment that a rehearsal does not reach."""
    job = MasksJob.build({**POINT, "after": 1}, SETTING)
    assert shorten(job, Short(epochs=2, steps=2, images=2)).after == 1
    cut = shorten(job, Short(epochs=0, steps=2, images=2))
    assert (cut.after, cut.parent.snapshots) == (None, (0,))


def test_masks_that_ignore_lambda_are_told_from_such_that_follow():
    lam = torch.tensor(LAMS, dtype=torch.float64)[:, None]
    same = torch.tensor([[0.2, 0.5, 0.8]], dtype=torch.float64)
    spread = torch.full((5, 3), 0.2, dtype=torch.float64)
    deaf = measure(spread, same.expand(5, 3))
    assert (deaf["mask_lambda"], deaf["mask_lambda_of_pair"]) == (pytest.approx(0, abs=1e-9), 0)
    assert deaf["mask_rising"] == 0
    # every pair follows, each around a place of its own
    shifted = measure(spread, 0.1 * lam + same)
    assert shifted["mask_lambda_of_pair"] == pytest.approx(1)
    assert shifted["mask_lambda"] < 0.3
    assert (shifted["mask_shaped"], shifted["mask_rising"]) == (100, 100)
