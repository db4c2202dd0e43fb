"""What every method promises on a GPU, found without one: a training step meets no tensor of
another device and waits for none of the device's values, but where it says why."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS, method
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.core.method import resolve
from mixlib.core.mix import identity
from mixlib.counting.backward import backward_in_python
from mixlib.counting.fake_device import FakeDevice, ReadBackError
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.methods.automix.presets import PRESETS
from mixlib.training import optimizers
from mixlib.training.recipes import RECIPES, recipe
from mixlib.training.shards import Shards
from tests.contracts.test_objectives import CASES, CLASSES, deit, network, params

READS = {
    # the longest way of a bid bounds how many neighbors are looked at
    "mixlib.methods.puzzlemix.transport.transport_plan": 1,
    "mixlib.methods.puzzlemix.transport._neighbors": 1,  # those within that way
    "mixlib.methods.puzzlemix.transport._bid": 0,  # bidding ends when nobody has to yield
    # as many images are blended as the busiest output shows
    "mixlib.methods.comixup.policy.few": 1,
    # Sinkhorn's turns end when they change nothing
    "mixlib.methods.alignmix.transport_plan": 1,
    # each operation is applied where it was drawn
    "mixlib.methods.augmix.operations.apply": 1,
    # a tour visits one image after another
    "mixlib.methods.guidedmixup.farthest_tour": 0,
    # the search ends when every mask has been found
    "mixlib.methods.supermix.optimize": 1,
    # at the first step only: whether the mean of the scores is the network's prediction
    "mixlib.models.score_map_teacher._check": 0,
}
"""Functions that wait for the device within a step, why, and what they are told here."""


def fake_step(name, given, recipe_name="imagenet_deit", reads=READS):
    """One optimizer step on the fake device; which allowed reads it used."""
    chosen = deit(name) if recipe_name == "imagenet_deit" else recipe(recipe_name)
    objective = builder.objective(name, network(name), given, chosen, steps=4, seed=0)
    with FakeDevice(reads) as device, backward_in_python():
        objective.to("cuda").train()
        optimizer = optimizers.build(objective.groups(), replace(chosen, optimizer="sgd"))
        shards = Shards(objective, 2, 0, 1)
        shards.begin()
        x = torch.empty(4, 3, 64, 64, device="cuda")
        y = torch.zeros(4, dtype=torch.int64, device="cuda")
        terms = {}
        for shard in shards.own:
            with shards.part():
                step = objective(x, y, torch.Generator().manual_seed(shard))
                step.loss.backward()
            terms = step.terms
        optimizer.step()
        shards.end(terms)
        objective.update_teacher(0)
        assert step.loss.device.type == "cuda"
        assert all(b.device.type == "cuda" for b in objective.buffers())
        grads = [p.grad for group in objective.groups().values() for p in group]
        assert sum(g is not None and g.device.type == "cuda" for g in grads) > len(grads) / 2
    return device.used


@pytest.mark.parametrize(("name", "released"), CASES)
def test_a_step_stays_on_the_device(name, released):
    fake_step(name, params(name, released))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("pipeline", ["mp_ce", "mp", "none"])
def test_every_preset_and_pipeline_of_automix(preset, pipeline):
    fake_step("automix", {**params("automix", False), "preset": preset, "pipeline": pipeline})


@pytest.mark.parametrize("pipeline", ["ema", "mp", "mp_ce"])
def test_every_training_pipeline(pipeline):
    chosen = "imagenet_pytorch"
    fake_step("cutmix", {**params("cutmix", False), "pipeline": pipeline}, chosen)


@pytest.mark.parametrize("name", RECIPES)
def test_the_loss_of_every_recipe(name):
    fake_step("mixup", params("mixup", False), name)


@pytest.mark.parametrize("rule", [CrossEntropy(0.1), BinaryCrossEntropy(target="two-hot")])
def test_every_plain_label_rule(rule):
    with FakeDevice(), backward_in_python():
        logits = torch.empty(4, CLASSES, device="cuda", requires_grad=True)
        y = torch.zeros(4, dtype=torch.int64, device="cuda")
        rule(identity(4, y.device), logits, {}, y).backward()
        assert logits.grad.device.type == "cuda"


@pytest.mark.parametrize("name", ["cifar", "tiny", "imagenet", "fine", "none"])
@pytest.mark.parametrize("train", [True, False])
def test_a_batch_of_images_in_memory_is_made_on_the_device(name, train):
    images = Images(np.zeros(8, np.int64), ("a",), pixels=np.zeros((8, 32, 32, 3), np.uint8))
    with FakeDevice():
        loader = Loader(
            images, AUGMENTS[name].resized(32), 4, 0, train,
            mean=(0.5,) * 3, std=(0.2,) * 3, device="cuda", shards=2,
        )  # fmt: skip
        batches = list(loader.epoch(0))
        assert batches
        assert {t.device.type for batch in batches for t in batch} == {"cuda"}


@pytest.mark.parametrize("name", ["deit", "rsb_a2", "imagenet"])
@pytest.mark.parametrize("train", [True, False])
def test_a_batch_of_decoded_pictures_goes_to_the_device(name, train):
    images = Images(np.zeros(4, np.int64), ("a",), pixels=np.zeros((4, 40, 40, 3), np.uint8))
    augment = AUGMENTS[name].resized(32)
    loader = Loader(images, augment, 2, 0, train, mean=(0.5,) * 3, std=(0.2,) * 3, shards=1)
    # as of a set that is not kept in memory, for a device that is not asked for pinned copies here
    loader.pixels, loader.device = None, torch.device("cuda")
    with FakeDevice():
        batches = list(loader.epoch(0))
    assert len(batches) == 2
    assert {t.device.type for batch in batches for t in batch} == {"cuda"}


def test_every_listed_read_is_still_there():
    """A list of exceptions that nobody uses hides the next one."""
    used = set()
    for name in (
        "puzzlemix",
        "comixup",
        "alignmix",
        "augmix",
        "supermix",
        "relabel",
        "guidedmixup",
    ):
        used |= fake_step(name, params(name, False))
    assert used == set(READS)


def test_a_policy_that_leaves_its_draw_on_the_cpu_is_noticed(monkeypatch):
    """The mutation: Mix.to does nothing, as if a policy's ``.to(device)`` were taken out."""
    from mixlib.core.mix import Mix

    monkeypatch.setattr(Mix, "to", lambda self, device: self)
    with pytest.raises(RuntimeError, match=r"device|cpu"):
        fake_step("cutmix", params("cutmix", False))


class Without(ast.NodeTransformer):
    """Takes every ``.to(<something>.device ...)`` out of a source."""

    found = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        moves = isinstance(node.func, ast.Attribute) and node.func.attr == "to" and node.args
        if moves and ast.unparse(node.args[0]).endswith("device"):
            self.found += 1
            return node.func.value
        return node


def without_moves(name):
    """The constructor of a method whose module's ``.to(device)`` are taken out; None: there are
    none."""
    made = resolve(method(name).path())
    module, cut = sys.modules[made.__module__], Without()
    tree = ast.fix_missing_locations(cut.visit(ast.parse(inspect.getsource(module))))
    if not cut.found:
        return None
    namespace = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(tree, str(module.__file__), "exec"), namespace)
    return namespace[made.__name__]


# TokenLabel moves its head when it is built, before the loop moves all of the objective; partners
# that GuidedMixup leaves on the CPU index there
UNNOTICED = {"tokenlabel", "guidedmixup"}
MOVING = [name for name in METHODS if without_moves(name) is not None and name not in UNNOTICED]


def test_policies_move_their_draws_themselves():
    assert {"resizemix", "ricap", "saliencymix", "tokenmix", "puzzlemix"} <= set(MOVING)


@pytest.mark.parametrize("name", MOVING)
def test_a_policy_without_its_move_to_the_device_is_noticed(name, monkeypatch):
    monkeypatch.setattr(method(name).path().replace(":", "."), without_moves(name))
    with pytest.raises((RuntimeError, TypeError), match=r"device|cpu|cuda"):
        fake_step(name, params(name, False))


def test_a_step_that_reads_the_device_is_noticed(monkeypatch):
    def rule(self, mix, logits, seen, y):
        assert float(logits.sum()) == 1  # a wait for the device
        return logits.sum()

    monkeypatch.setattr(CrossEntropy, "__call__", rule)
    with pytest.raises(ReadBackError, match="waits for the device"):
        fake_step("mixup", params("mixup", False))
