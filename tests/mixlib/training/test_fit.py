"""The loop: it learns, resumes with the same bits, and stops with a clear word when it diverges."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric

from mixlib.catalog import build as builder
from mixlib.seed import generator
from mixlib.training import fit as fit_module
from mixlib.training.checkpoint import Checkpoint
from mixlib.training.fit import fit
from mixlib.training.recipes import Recipe

RECIPE = Recipe(
    "test", "test", epochs=3, batch=16, lr=0.1, block_lr=0.1, augment="none", grad_clip=5.0
)


class Blobs:
    """Two classes of noisy images that differ in brightness, in four batches."""

    def __len__(self):
        return 4

    def epoch(self, e, start_step=0):
        for i in range(start_step, 4):
            rng = generator(0, "blobs", e, i)
            y = torch.arange(16) % 2
            noise = torch.randn(16, 3, 16, 16, generator=rng)
            yield noise + (2.0 * y - 1)[:, None, None, None], y


def make(name, recipe=RECIPE):
    params = {
        "automix": {"site": "stage2", "momentum": {"start": 0.9}, "image": 16},
        "puzzlemix": {"std": (0.25,) * 3, "blocks": (2,)},
    }
    net = builder.net("resnet10_w16_cifar", 2, seed=0)
    return builder.objective(name, net, params.get(name, {}), recipe, steps=12, seed=0)


def run(objective, recipe=RECIPE, **options):
    fabric = Fabric(accelerator="cpu", devices=1)
    return fit(objective, Blobs(), Blobs(), recipe, seed=0, fabric=fabric, **options)


class Stop(Exception):
    """Stands for a kill between two steps."""


def stop_at(step):
    def report(phase, done, total, values):
        if phase == "train" and done == step:
            raise Stop

    return report


@pytest.mark.parametrize("name", ["vanilla", "mixup", "cutmix", "automix"])
def test_it_learns(name):
    history = run(make(name))
    assert history.epochs[-1]["top1"] > 90
    assert history.images == 3 * 4 * 16
    assert len(history.epochs) == 3


def test_training_and_test_loss_stand_side_by_side():
    with_test = run(make("mixup")).epochs
    fabric = Fabric(accelerator="cpu", devices=1)
    alone = fit(make("mixup"), Blobs(), None, RECIPE, seed=0, fabric=fabric).epochs
    assert [row["loss"] for row in with_test] == [row["loss"] for row in alone]
    assert all(0 < row["test_loss"] != row["loss"] for row in with_test)


# 4 is the last step of an epoch: its row must not get lost between checkpoint and resume
@pytest.mark.parametrize(("name", "step"), [("mixup", 4), ("automix", 6), ("automix", 9)])
def test_a_stopped_run_ends_with_the_same_bits(tmp_path, name, step):
    straight = make(name)
    expected = run(straight)
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Stop):
        run(make(name), checkpoint=Checkpoint(path, seconds=0), report=stop_at(step))
    resumed = make(name)
    history = run(resumed, checkpoint=Checkpoint(path, seconds=0))
    assert history.epochs == expected.epochs
    for key, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_dropout_resumes_with_the_same_bits(tmp_path):
    def with_dropout():
        objective = make("vanilla")
        objective.net.model.layer1.add_module("drop", torch.nn.Dropout(0.5))
        return objective

    straight = with_dropout()
    run(straight)
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Stop):
        run(with_dropout(), checkpoint=Checkpoint(path, seconds=0), report=stop_at(5))
    resumed = with_dropout()
    run(resumed, checkpoint=Checkpoint(path, seconds=0))
    for key, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_a_diverged_run_says_where():
    with pytest.raises(FloatingPointError, match=r"step \d+ of \d+ \(epoch 1\): the loss is not"):
        run(make("vanilla"), replace(RECIPE, lr=1e12, grad_clip=None))


@pytest.mark.parametrize("look", [1, 4, 1000])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_step_is_named_and_the_last_good_checkpoint_stays(tmp_path, monkeypatch, bad, look):
    """Whether the loss is looked at in each step, as on a CPU, or seldom, as on a GPU."""
    steps = []

    class Breaking(type(make("vanilla"))):
        def forward(self, x, y, rng):
            step = super().forward(x, y, rng)
            steps.append(len(steps) + 1)
            return step._replace(loss=step.loss * (bad if len(steps) == 3 else 1.0))

    objective = make("vanilla")
    objective.__class__ = Breaking
    initial = fit_module.Run.__init__

    def seldom(self, *words):
        initial(self, *words)
        self.look = look

    monkeypatch.setattr(fit_module.Run, "__init__", seldom)
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(FloatingPointError, match=r"^step 3 of \d+ \(epoch 1\)"):
        run(objective, checkpoint=Checkpoint(path, seconds=0))
    saved = torch.load(path)
    assert saved["step"] == 2
    assert all(value.isfinite().all() for value in saved["objective"].values())
    assert len(steps) == 3  # a checkpoint that is due looks, too


def test_groups_follow_their_own_schedule():
    from mixlib.training import optimizers

    recipe = replace(RECIPE, lr=0.4, min_lr=0.0, block_lr=0.2, block_min_lr=0.1, epochs=10)
    rates = optimizers.rates(recipe, 10, 5)
    assert rates["net"][0] == 0.4
    assert rates["block"][0] == 0.2
    assert rates["block"][-1] > 0.1
    # by epoch: constant within one
    assert len(set(rates["net"][5:10])) == 1
    by_step = optimizers.rates(replace(recipe, schedule_by="step"), 10, 5)
    assert len(set(by_step["net"])) == 50
    # a floor above the block's rate does not raise it
    slow = optimizers.rates(replace(recipe, block_lr=0.02), 10, 5)
    assert slow["block"] == pytest.approx([0.02] * 50)


def test_weight_averaging_is_what_a_recipe_asks_for():
    recipe = replace(RECIPE, weight_ema=0.9)
    objective = make("mixup", recipe)
    history = run(objective, recipe)
    assert history.epochs[-1]["top1"] > 90
    averaged = objective.predictor().state_dict()["conv1.weight"]
    assert not torch.equal(averaged, objective.pair.q.model.conv1.weight)


def test_bfloat16_trains():
    objective = make("automix")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    history = fit(objective, Blobs(), Blobs(), RECIPE, seed=0, fabric=fabric)
    assert history.epochs[-1]["top1"] > 80


@pytest.mark.parametrize("name", ["mixup", "automix"])
def test_a_recipe_may_ask_for_torch_compile(name):
    """The numbers stay those of the networks as written, and so do the names of the state; the
    reported network runs without."""
    compiled, plain = make(name), make(name)
    with torch.random.fork_rng():
        asked = replace(RECIPE, epochs=1, compile="aot_eager")
        found = run(compiled, asked)
        expected = run(plain, replace(RECIPE, epochs=1))
    graphs = [m for m in compiled.modules() if getattr(m, "_compiled_call_impl", None) is not None]
    assert len(graphs) == (2 if name == "automix" else 1)
    assert not [m for m in plain.modules() if getattr(m, "_compiled_call_impl", None) is not None]
    assert list(compiled.state_dict()) == list(plain.state_dict())
    rows = zip(found.epochs, expected.epochs, strict=True)
    for ours, theirs in rows:
        assert ours == pytest.approx(theirs, rel=1e-4)
