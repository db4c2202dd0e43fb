"""Scale rehearsal: the papers' settings cut to a few steps, everything else as it is declared."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mixlib.core.catalog import Catalog
from mixlib.data.catalog import DATASETS
from mixlib.training.recipes import RECIPES
from pipelines.declare.errors import DeclarationError
from pipelines.declare.scale import Short, load
from pipelines.plan import setting
from pipelines.plan.build import plan
from pipelines.plan.kinds import DetectJob, SegmentJob, TrainJob
from pipelines.plan.setting import Setting
from pipelines.plan.shorten import RATES, shorten_recipe

CUT = {
    "train": {"epochs", "warmup_epochs", "batch", "shards", *RATES},
    "detect": {
        *("iterations", "batch", "warmup_iters", "steps", "precise_bn_iters", "shards"),
        *("rois_per_image", "post_nms"),
    },
    "segment": {"steps", "batch", "warmup", "scales"},
}
FEWER = {"robustness": "attacked", "occlusion": "images"}
"""Kind of measurement -> how many images it looks at."""


@pytest.fixture(scope="module")
def pairs():
    """(job of scale paper, job of scale rehearsal) of every cell's first run."""
    paper, short = plan("paper"), plan("rehearsal")
    assert not paper.faults
    assert not short.faults
    assert paper.cells.keys() == short.cells.keys()
    found = []
    for name in paper.cells:
        for whole, cut in zip(paper.cells[name], short.cells[name], strict=True):
            found += zip(whole.jobs[0].closure(), cut.jobs[0].closure(), strict=True)
    return found


def differing(a, b):
    return {f.name for f in fields(a) if getattr(a, f.name) != getattr(b, f.name)}


def test_only_the_length_the_data_and_the_counts_of_images_differ(pairs):
    for paper, short in pairs:
        assert type(paper) is type(short)
        if isinstance(paper, TrainJob):
            assert differing(paper, short) <= {"images", "recipe", "snapshots", "teacher"}
            # bfloat16 is rehearsed with A2
            a3 = {"precision"} if paper.recipe.name == "imagenet_rsb_a3" else set()
            assert differing(paper.recipe, short.recipe) <= CUT["train"] | a3
        elif isinstance(paper, (DetectJob, SegmentJob)):
            assert differing(paper, short) <= {"scenes", "parent", "settings"}
            assert differing(paper.settings, short.settings) <= CUT[paper.kind]
        elif paper.kind in FEWER:
            assert differing(paper.settings, short.settings) == {FEWER[paper.kind]}
        elif hasattr(paper, "settings"):
            assert paper.settings == short.settings


def test_a_run_is_four_steps_of_the_fewest_images_that_the_shards_take(pairs):
    for paper, short in pairs:
        if isinstance(short, TrainJob):
            r = short.recipe
            # a teacher of no epochs is published weights as they are
            assert r.epochs == min(2, paper.recipe.epochs)
            assert short.images.train_cap == 2 * r.batch
            assert (r.batch, r.shards) == (4, min(2, paper.recipe.shards))


def test_every_set_of_the_papers_has_a_stand_in_of_its_layout_and_classes(pairs):
    for paper, short in pairs:
        for real, drawn in zip(paper.datasets, short.datasets, strict=True):
            row = DATASETS[drawn.name]
            assert row.identity == "generated"
            for name in ("layout", "classes", "family", "mean", "std", "size", "folder"):
                assert getattr(row, name) == getattr(DATASETS[real.name], name)


def test_a_recipe_that_its_shards_do_not_divide_is_refused_before_it_is_cut(monkeypatch):
    broken = [replace(r, shards=8) if r.name == "cifar" else r for r in RECIPES.values()]
    monkeypatch.setattr(setting, "RECIPES", Catalog("recipe", broken))
    with pytest.raises(DeclarationError, match="batch 100, shards 8"):
        plan("rehearsal").known("table13")


@pytest.mark.parametrize(
    ("shards", "images", "batch"), [(1, 2, 4), (2, 2, 4), (8, 2, 4), (1, 5, 5), (8, 5, 10)]
)
def test_so_many_images_a_shard_and_four_a_step_at_least(shards, images, batch):
    cut = shorten_recipe(replace(RECIPES["cifar"], shards=shards), Short(2, 2, images))
    assert (cut.batch, cut.shards) == (batch, min(shards, 2))


def test_what_is_evaluated_untrained_stays_untrained():
    assert shorten_recipe(replace(RECIPES["cifar"], epochs=0), Short(2, 2, 2)).epochs == 0


def test_bf16_and_torch_compile_are_asked_for_and_then_part_of_the_digest():
    point = {"data": "cifar10", "backbone": "resnet18_cifar", "method": "mixup", "recipe": "cifar"}
    whole = Setting("here", load("paper"), 0)
    plain = TrainJob.build(point, whole)
    # a default says nothing, so that the digests of before stay
    assert "compile" not in plain.canonical()
    asked = {"precision": "bf16-mixed", "compile": "inductor"}
    for name, value in asked.items():
        changed = TrainJob.build({**point, "changes": {name: value}}, whole)
        assert changed.digest != plain.digest
        assert f'"{name}":"{value}"' in changed.canonical()
    scale = replace(load("paper"), kinds={"train": {"default": asked}})
    recipe = TrainJob.build(point, Setting("here", scale, 0)).recipe
    assert (recipe.precision, recipe.compile) == ("bf16-mixed", "inductor")
    with pytest.raises(DeclarationError, match="did you mean 'inductor'"):
        TrainJob.build({**point, "changes": {"compile": "induct"}}, whole)
