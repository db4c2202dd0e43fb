"""Kinds of evaluations: the papers' tables at their own scale, and what a scale changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.declare.scale import Scale
from pipelines.plan import grid
from pipelines.plan.kinds import (
    KINDS,
    AttentionJob,
    CalibrationJob,
    OcclusionJob,
    RobustnessJob,
    SegmentJob,
)
from pipelines.plan.setting import Setting

POINT = {
    "data": "imagenet",
    "backbone": "deit_small",
    "method": "cutmix",
    "recipe": "imagenet_deit",
}


def jobs(name: str, scale_name: str = "paper"):
    tables = {name: table.load_all()[name]}
    return grid.plan(tables, replace(scale.load(scale_name), parts={})).cells[name]


def test_table_6_reads_the_published_images_and_divides_by_vanilla():
    cells = {cell.row: cell.jobs[0] for cell in jobs("table6")}
    automix, vanilla = cells["AutoMix"], cells["Vanilla"]
    assert isinstance(automix, RobustnessJob)
    assert isinstance(vanilla, RobustnessJob)
    assert vanilla.baseline is None
    # the baseline is the very job of the row Vanilla, measured once
    assert automix.baseline == vanilla
    assert [data.name for data in automix.datasets] == ["cifar100", "cifar100_c"]
    assert (automix.parent.backbone.name, automix.parent.recipe.epochs) == ("resnext50_cifar", 400)
    assert automix.settings.epsilon == pytest.approx(8 / 255)
    assert (automix.settings.corrupted, automix.settings.attacked) == (None, None)


def test_a_baseline_has_no_parameters_of_the_method():
    point = {"data": "cifar100", "backbone": "resnet18_cifar", "method": "automix",
             "recipe": "cifar", "params": {"alpha": 1.0}, "baseline": "vanilla"}  # fmt: skip
    job = RobustnessJob.build(point, Setting("here", scale.load("paper"), 2))
    assert job.baseline is not None
    assert job.baseline.parent.method.params == ()
    assert job.baseline.parent.seed == job.parent.seed == 2


def test_a_scale_without_published_images_says_null():
    job = jobs("table6", "demo")[0].jobs[0]
    assert isinstance(job, RobustnessJob)
    assert job.published is None
    assert [data.name for data in job.datasets] == ["shapes"]


def test_the_segmentation_recipe_is_the_papers():
    job = jobs("tokenmix_ade20k")[0].jobs[0]
    assert isinstance(job, SegmentJob)
    s = job.settings
    assert (job.scenes.name, s.steps, s.batch, s.crop) == ("ade20k", 160_000, 16, 512)
    assert (s.lr, s.weight_decay, s.power, s.warmup, s.layer_decay) == (6e-5, 0.01, 1.0, 1500, 1.0)
    assert (s.drop_path, s.channels, s.auxiliary_weight) == (0.1, 512, 0.4)
    assert (job.parent.images.name, job.parent.recipe.epochs) == ("imagenet", 300)


def test_one_training_serves_all_of_tokenmix_measurements():
    parents = [
        {cell.jobs[0].parent for cell in jobs(name)} for name in ("tokenmix_fig3", "tokenmix_fig4")
    ]
    assert parents[0] == parents[1]
    drawn = {cell.jobs[0] for cell in jobs("tokenmix_fig6")}
    assert drawn <= parents[0]


def test_a_recipe_has_a_section_and_a_stand_in_of_its_own():
    small = Scale(
        *("mine", "mine", "a test", 1),
        family="generated",
        data={
            "imagenet": {"name": "shapes", "spec": {"seed": 1}},
            "imagenet/imagenet_deit": {"name": "shapes", "spec": {"seed": 2}},
        },
        backbones={"deit_small": "vit6_w64", "resnet50": "resnet10_w16"},
        kinds={"train": {"imagenet": {"epochs": 5, "batch": 8}, "imagenet_deit": {"epochs": 7}}},
    )
    setting = Setting("here", small, 0)
    transformer = AttentionJob.build(POINT, setting).parent
    other = CalibrationJob.build(
        {**POINT, "backbone": "resnet50", "recipe": "imagenet_pytorch"}, setting
    ).parent
    assert dict(transformer.images.spec)["seed"] == 2
    assert dict(other.images.spec)["seed"] == 1
    assert (transformer.recipe.epochs, transformer.recipe.batch) == (7, 8)
    assert (other.recipe.epochs, other.recipe.batch) == (5, 8)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("robustness", {"epsilon": 2.0}, "epsilon"),
        ("robustness", {"pgd_stps": 3}, "no robustness setting 'pgd_stps'"),
        ("calibration", {"held_out": 1.0}, "held_out must lie between 0 and 1"),
        ("occlusion", {"which": ["random", "random"]}, "expected curves that differ"),
        ("occlusion", {"ratios": [0.5, 0.2]}, "ratios"),
        ("attention", {"input": 0}, "input"),
        ("segment", {"batch": 1}, "batch must be at least 2"),
        ("segment", {"stride": 1000}, "leaves gaps"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_when_planned(kind, changes, message):
    whole = scale.load("paper")
    changed = replace(whole, kinds={kind: {"default": changes}})
    point = {**POINT}
    if kind == "segment":
        point |= {"data": "ade20k", "pretrain": "imagenet", "settings": "upernet_160k"}
    with pytest.raises(DeclarationError, match=message) as caught:
        KINDS[kind].build(point, Setting("here", changed, 0))
    assert str(caught.value).startswith("here")


def test_masks_are_asked_of_a_dataset_that_has_them():
    point = {**POINT, "data": "cifar10", "pretrain": "imagenet", "settings": "upernet_160k"}
    with pytest.raises(DeclarationError, match="expected a dataset with masks"):
        SegmentJob.build(point, Setting("here", scale.load("paper"), 0))


def test_metrics_are_named_by_curve_and_ratio():
    assert {"random_0", "random_50", "salient_100", "nonsalient_mean"} <= set(OcclusionJob.metrics)
