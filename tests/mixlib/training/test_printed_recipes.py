"""Recipes field by field against AutoMix's Table 12 as printed and the settings of its sections.

``table12.txt`` was taken line by line from the paper's text, not from the catalog.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mixlib.catalog.methods import METHODS
from mixlib.data.augmentations import AUGMENTS
from mixlib.training.recipes import METHOD_FAMILIES, recipe

COLUMNS = ("imagenet_pytorch", "imagenet_deit", "imagenet_rsb_a2", "imagenet_rsb_a3")
LINES = [
    line
    for line in (Path(__file__).parent / "table12.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
CROSS, TICK = "7", "3"


def printed(label: str) -> list[str]:
    """The four cells of a line."""
    line = next(line for line in LINES if line.startswith(label))
    return re.sub(r"(\d+) ?× ?10−(\d+)", r"\1e-\2", line.removeprefix(label)).split()


def number(cell: str) -> float:
    """A cell as a number: "10−4" and "5e-3" alike."""
    power = re.fullmatch(r"10−(\d+)", cell)
    return 10.0 ** -int(power[1]) if power else float(cell)


def optional(cell: str) -> float:
    """A number, or 0 for a cross."""
    return 0.0 if cell == CROSS else number(cell)


def ticks(cell: str) -> bool:
    assert cell in (CROSS, TICK)
    return cell == TICK


LINES_OF_RECIPES = {
    "Batch size": ("batch", number),
    "Optimizer": ("optimizer", str.lower),
    "LR": ("lr", number),
    "Weight decay": ("weight_decay", number),
    "Warmup epochs": ("warmup_epochs", optional),
    "Label smoothing ε": ("smoothing", optional),
    "Stoch. Depth": ("drop_path", optional),
    "Gradient Clip.": ("grad_clip", lambda cell: optional(cell) or None),
}
LINES_OF_AUGMENTATIONS = {
    "Train Res": ("size", number),
    "Test crop ratio": ("test_ratio", number),
    "Erasing prob.": ("erase", optional),
    "ColorJitter": ("color_jitter", optional),
}


@pytest.mark.parametrize(("place", "name"), list(enumerate(COLUMNS)))
def test_recipes_are_table_12(place, name):
    row = recipe(name)
    for label, (field, read) in LINES_OF_RECIPES.items():
        # the first line that begins so: "LR" before "LR decay"
        cells = printed(label + " ")
        assert getattr(row, field) == pytest.approx(read(cells[place])), (name, label)
    assert printed("LR decay ")[place] == "cosine"
    assert row.min_lr == 0
    assert (row.weight_ema is not None) is ticks(printed("EMA ")[place])
    assert (row.loss == "ce") is ticks(printed("CE loss ")[place])
    assert (row.loss == "bce") is ticks(printed("BCE loss ")[place])
    assert (row.precision != "32-true") is ticks(printed("Mixed precision ")[place])
    epochs = [float(cell) for cell in printed("Epochs ")[place].split("/")]
    assert row.epochs in epochs
    assert not ticks(printed("Dropout ")[place])


@pytest.mark.parametrize(("place", "name"), list(enumerate(COLUMNS)))
def test_augmentations_are_table_12(place, name):
    row = AUGMENTS[recipe(name).augment]
    for label, (field, read) in LINES_OF_AUGMENTATIONS.items():
        assert getattr(row, field) == pytest.approx(read(printed(label + " ")[place])), label
    assert row.input_size == number(printed("Test Res ")[place])
    assert (row.flip > 0) is ticks(printed("H. flip ")[place])
    assert (row.crop == "resized") is ticks(printed("RRC ")[place])
    # repeated augmentation: every image three times
    assert (row.repeats == 3) is ticks(printed("Repeated Aug ")[place])
    random = printed("Rand Augment ")[place]
    magnitude = "" if random == CROSS else "rand-m{}-mstd{}-inc1".format(*random.split("/"))
    assert row.randaugment == magnitude


@pytest.mark.parametrize(("place", "name"), list(enumerate(COLUMNS)))
def test_the_mixing_of_a_procedure_is_table_12(place, name):
    mixup, cutmix = (optional(printed(f"{what} alpha ")[place]) for what in ("Mixup", "Cutmix"))
    family = METHOD_FAMILIES.get(name)
    assert (family is None) is (mixup == cutmix == 0)
    if family is not None:
        params = METHODS["stochastic"].params_for(family)
        assert (params["mixup"], params["cutmix"]) == (mixup, cutmix)


# sections 4.1 and 4.2: fields that the text prints
SECTIONS: dict[str, dict[str, Any]] = {
    # "SGD optimizer with SGD weight decay of 0.0001, the momentum of 0.9, the batch size of 100,
    # and training 800 epochs; the basic learning rate is 0.1 adjusted by Cosine Scheduler"
    "cifar": {
        **{"optimizer": "sgd", "weight_decay": 0.0001, "momentum": 0.9, "batch": 100},
        **{"epochs": 800, "lr": 0.1, "min_lr": 0.0, "loss": "ce"},
    },
    # "similar training ingredients as CIFAR except for the basic learning rate of 0.2 and training
    # 400 epochs"
    "tiny": {
        **{"optimizer": "sgd", "weight_decay": 0.0001, "momentum": 0.9, "batch": 100},
        **{"epochs": 400, "lr": 0.2, "min_lr": 0.0, "loss": "ce"},
    },
    # "100 or 300 epochs by SGD optimizer with the batch size of 256, the basic learning rate of
    # 0.1, the SGD weight decay of 0.0001, and the SGD momentum of 0.9"
    "imagenet_pytorch": {
        **{"optimizer": "sgd", "weight_decay": 0.0001, "momentum": 0.9, "batch": 256},
        **{"epochs": 100, "lr": 0.1},
    },
    "imagenet_deit": {
        **{"epochs": 300, "optimizer": "adamw", "batch": 1024, "lr": 0.001, "weight_decay": 0.05},
    },
    "imagenet_rsb_a2": {
        **{"epochs": 300, "optimizer": "lamb", "batch": 2048, "lr": 0.005, "weight_decay": 0.02},
    },
    "imagenet_rsb_a3": {
        **{"epochs": 100, "optimizer": "lamb", "batch": 2048, "lr": 0.008, "weight_decay": 0.02},
    },
    # "training 200 epochs by SGD optimizer with the initial learning rate of 0.001, the weight
    # decay of 0.0005, the batch size of 16"
    "fine": {
        **{"epochs": 200, "optimizer": "sgd", "lr": 0.001, "weight_decay": 0.0005, "batch": 16},
    },
}
# "RandomFlip and RandomCrop with 4 pixels padding for 32 x 32 resolutions", "RandomFlip and
# RandomResizedCrop for 64 x 64 resolutions"
CROPS: dict[str, dict[str, Any]] = {
    "cifar": {"size": 32, "crop": "pad", "padding": 4, "flip": 0.5},
    "tiny": {"size": 64, "crop": "resized", "flip": 0.5},
}


@pytest.mark.parametrize("name", SECTIONS)
def test_recipes_are_those_of_the_sections(name):
    row = recipe(name)
    assert {field: getattr(row, field) for field in SECTIONS[name]} == SECTIONS[name]


@pytest.mark.parametrize("name", CROPS)
def test_crops_are_those_of_the_sections(name):
    row = AUGMENTS[recipe(name).augment]
    assert {field: getattr(row, field) for field in CROPS[name]} == CROPS[name]


# A.1: alpha of every hand-crafted method by dataset; for Tiny-ImageNet and ImageNet "0.2 for
# ResNet-18 while alpha = 1 for median and large backbones"
ALPHAS = {
    **{("mixup", "cifar"): 1.0, ("resizemix", "cifar"): 1.0, ("cutmix", "cifar"): 0.2},
    **{("fmix", "cifar"): 0.2, ("saliencymix", "cifar"): 0.2, ("manifoldmix", "cifar"): 2.0},
    **{("manifoldmix", family): 0.2 for family in ("tiny", "imagenet", "inat")},
    ("mixup", "inat"): 0.2,
    **{
        (name, family): 1.0
        for name in ("cutmix", "fmix", "saliencymix", "resizemix")
        for family in ("tiny", "imagenet", "inat")
    },
    **{("mixup", family): 1.0 for family in ("tiny", "imagenet")},
    **{
        (name, family): 0.2
        for name in ("mixup", "cutmix", "manifoldmix", "fmix", "saliencymix", "resizemix")
        for family in ("deit", "rsb", "places")
    },
    **{("saliencymix", "fine"): 0.2, ("fmix", "fine"): 0.2, ("manifoldmix", "fine"): 0.5},
    **{("mixup", "fine"): 1.0, ("cutmix", "fine"): 1.0, ("resizemix", "fine"): 1.0},
}


@pytest.mark.parametrize(("name", "family"), ALPHAS)
def test_alphas_are_those_of_the_appendix(name, family):
    assert METHODS[name].params_for(family)["alpha"] == ALPHAS[name, family]


@pytest.mark.parametrize("name", ["mixup", "cutmix", "fmix", "saliencymix", "resizemix"])
@pytest.mark.parametrize("family", ["tiny", "imagenet", "inat"])
def test_a_resnet_18_has_an_alpha_of_its_own(name, family):
    assert METHODS[name].params_for(family, small=True)["alpha"] == 0.2
