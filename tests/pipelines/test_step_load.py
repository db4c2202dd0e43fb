"""Counts of a step: the quick way counts what the careful one counts, and counts are kept until the
code changes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from mixlib.training.recipes import recipe
from pipelines import kept_counts, step_load
from pipelines.plan.inputs import Row

SMALL = step_load.one_shard(recipe("cifar"))
MIXUP = Row("mixup", 1, ())
AUTOMIX = Row("automix", 1, (("pipeline", "mp_ce"), ("preset", "paper")))


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_counts, "FOLDER", tmp_path / "counts")
    return tmp_path / "counts"


@pytest.fixture
def asked(monkeypatch):
    """Everything is counted on fake tensors; whether the quick way was asked for."""
    wanted, real = [], step_load.absent_device

    @contextmanager
    def careful(plain):
        wanted.append(plain)
        with real(False) as device:
            yield device

    monkeypatch.setattr(step_load, "absent_device", careful)
    return wanted


@pytest.fixture
def quick():
    """A step as it is counted without further ado."""
    return step_load.of_training.__wrapped__("resnet10_w16", MIXUP, SMALL, 10, 32)


def test_the_meta_device_counts_what_fake_tensors_count(quick, asked):
    slow = step_load.of_training.__wrapped__("resnet10_w16", MIXUP, SMALL, 10, 32)
    assert asked == [True]
    assert quick.operations == slow.operations
    assert quick.forward == slow.forward
    assert (quick.parameters, quick.trained) == (slow.parameters, slow.trained)
    assert quick.activations == pytest.approx(slow.activations, rel=0.02)


def test_an_objective_of_its_own_is_counted_on_fake_tensors(asked):
    # its activations differ between devices
    step_load.of_training.__wrapped__("resnet10_w16", AUTOMIX, SMALL, 10, 32)
    assert asked == [False]


def test_a_count_is_kept_until_the_code_changes(empty, monkeypatch):
    calls = []

    @kept_counts.kept_count
    def counted(name: str) -> step_load.StepLoad:
        calls.append(name)
        return step_load.StepLoad(1, 2, 3, 4, 0.5)

    first = counted("a")
    (file,) = empty.iterdir()
    assert json.loads(file.read_text())["count"]["operations"] == 1
    again = kept_counts.kept_count(counted.__wrapped__)
    assert again("a") == first
    assert calls == ["a"]
    # another argument, other code, a file that is not whole
    again("b")
    monkeypatch.setattr(kept_counts, "code", lambda: "other")
    kept_counts.kept_count(counted.__wrapped__)("a")
    file.write_text("{")
    monkeypatch.undo()
    monkeypatch.setattr(kept_counts, "FOLDER", empty)
    kept_counts.kept_count(counted.__wrapped__)("a")
    assert calls == ["a", "b", "a", "a"]


def test_a_changed_source_is_other_code(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_counts, "ROOT", tmp_path)
    monkeypatch.setattr(kept_counts, "COUNTED", ("package",))
    (tmp_path / "package").mkdir()
    found = []
    for text in ("one", "two"):
        (tmp_path / "package/module.py").write_text(text)
        kept_counts.code.cache_clear()
        found.append(kept_counts.code())
    kept_counts.code.cache_clear()
    assert found[0] != found[1]


def test_recipes_that_differ_in_what_changes_no_step_share_a_count():
    first, second = (step_load.one_shard(recipe(name)) for name in ("cifar", "tiny"))
    assert first == second
    assert step_load.one_shard(recipe("imagenet_rsb_a2")) != first


@pytest.mark.filterwarnings("error:CUDA is not available")
def test_half_precision_keeps_smaller_activations_also_where_no_gpu_is():
    """Convolutions and their inputs are halved; normalization and the loss are not."""
    whole, half = (
        step_load.of_training.__wrapped__(
            "resnet10_w16", MIXUP, replace(SMALL, precision=precision), 10, 32
        )
        for precision in ("32-true", "bf16-mixed")
    )
    assert half.operations == whole.operations
    assert 0.5 * whole.activations < half.activations < 0.8 * whole.activations
    assert not torch.is_autocast_enabled("cuda")
