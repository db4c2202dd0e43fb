"""From tables to jobs: what a change touches, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.plan import grid
from pipelines.plan.kinds import KINDS, DetectJob, TrainJob


def plan_of(path, name="demo", **changes):
    return grid.plan(table.load(path), replace(scale.load(name), **changes))


def changed_settings(found: scale.Scale, kind: str, section: str, **changes) -> dict:
    """The scale's ``kinds`` with some settings of one section changed."""
    kinds = {k: {s: dict(v) for s, v in sections.items()} for k, sections in found.kinds.items()}
    kinds.setdefault(kind, {}).setdefault(section, {}).update(changes)
    return {"kinds": kinds}


def test_a_cell_is_averaged_over_the_seeds_and_shares_its_parents(declare):
    plan = plan_of(declare(), seeds=3, seeds_of={})
    assert {len(cell.jobs) for cell in plan.cells["table7"]} == {3}
    assert len(plan.of_kind("train")) == 2 * 3
    assert len(plan.of_kind("detect")) == 2 * 2 * 3
    for job in plan.of_kind("detect").values():
        assert next(job.parents()).digest in plan.jobs


def test_one_number_of_a_scale_touches_exactly_its_jobs(declare):
    path, base = declare(), scale.load("demo")
    before = plan_of(path)
    detect = plan_of(path, **changed_settings(base, "detect", "voc0712", iterations=161))
    assert before.of_kind("train").keys() == detect.of_kind("train").keys()
    moved = {job.data.name for key, job in detect.jobs.items() if key not in before.jobs}
    assert moved == {"shapes_voc"}
    assert len(detect.jobs.keys() - before.jobs.keys()) == 2 * base.runs("table7")
    train = plan_of(path, **changed_settings(base, "train", "default", lr=0.21))
    assert not train.jobs.keys() & before.jobs.keys()


def test_one_parameter_of_a_method_touches_exactly_its_jobs(declare, monkeypatch):
    from mixlib.catalog import methods

    path = declare()
    before = plan_of(path)
    row = methods.METHODS["mixup"]
    changed = {**methods.METHODS, "mixup": replace(row, revision=row.revision + 1)}
    monkeypatch.setattr("pipelines.plan.setting.METHODS", changed)
    after = plan_of(path)
    gone = {before.jobs[key].describe() for key in before.jobs.keys() - after.jobs.keys()}
    kept = {before.jobs[key].describe() for key in before.jobs.keys() & after.jobs.keys()}
    assert all("mixup" in text for text in gone)
    assert not any("mixup" in text for text in kept)
    assert len(gone) == len(before.jobs) / 2


def test_a_text_changes_the_product_and_no_job(declare):
    before, after = plan_of(declare()), plan_of(declare(title="Another title"))
    assert before.jobs.keys() == after.jobs.keys()
    first, second = (
        grid.digest(p.tables["table7"], p.scale, p.cells["table7"]) for p in (before, after)
    )
    assert first != second


def test_the_paper_scale_is_the_papers():
    plan = grid.plan(table.load_all(), scale.load("paper"))
    cells = [cell for cell in plan.cells["table7"] if cell.row == "PuzzleMix"]
    voc, coco = cells[0].jobs[0], cells[1].jobs[0]
    assert isinstance(voc, DetectJob)
    assert isinstance(coco, DetectJob)
    train = voc.parent
    assert (train.images.name, train.backbone.name) == ("imagenet", "resnet50")
    assert (train.recipe.epochs, train.recipe.batch, train.recipe.lr) == (100, 256, 0.1)
    assert (voc.settings.iterations, voc.settings.batch, voc.settings.lr) == (24_000, 16, 0.02)
    assert (coco.settings.iterations, coco.settings.steps) == (180_000, (120_000, 160_000))
    assert voc.settings.backend == coco.settings.backend == "detectron2"
    assert [job.seed for job in cells[0].jobs] == [0, 1, 2]
    assert "24000 iterations, batch 16, lr 0.02" in voc.describe()
    assert "100 epochs, batch 256, sgd lr 0.1 to 0" in train.describe()


def test_alphas_follow_the_papers_data_and_network():
    plan = grid.plan(table.load_all(), scale.load("paper"))
    job = next(cell.jobs[0] for cell in plan.cells["table7"] if cell.row == "CutMix")
    assert isinstance(job, DetectJob)
    assert dict(job.parent.method.params)["alpha"] == 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "detct"}, r"no kind 'detct'; did you mean 'detect'\?"),
        ({"fixed": {"pretrain": "imagnet"}}, r"'settings' is missing|'backbone' is missing"),
        (
            {"fixed": {"pretrain": "imagnet", "backbone": "resnet50", "recipe": "cifar"}},
            r"\(Vanilla, VOC\): no dataset 'imagnet'; did you mean 'imagenet'\?",
        ),
        (
            {"fixed": {"pretrain": "imagenet", "backbone": "resnet50", "recipe": "imagenet_torch"}},
            r"no recipe 'imagenet_torch'; did you mean 'imagenet_pytorch'\?",
        ),
        (
            {"fixed": {"pretrain": "imagenet", "backbone": "resnet50", "recpie": "cifar"}},
            r"no field 'recpie'; did you mean 'recipe'\?",
        ),
    ],
)
def test_wrong_words_name_the_cell(declare, changes, words):
    with pytest.raises(DeclarationError, match=words):
        plan_of(declare(**changes))


def test_wrong_settings_of_a_scale_are_refused(declare):
    base = scale.load("demo")
    with pytest.raises(DeclarationError, match=r"no recipe field 'ephocs'; did you mean 'epochs'"):
        plan_of(declare(), **changed_settings(base, "train", "default", ephocs=3))
    with pytest.raises(DeclarationError, match=r"no detector setting 'iteration'; did you mean"):
        plan_of(declare(), **changed_settings(base, "detect", "default", iteration=3))
    with pytest.raises(DeclarationError, match=r"no scale 'dmeo'; did you mean 'demo'"):
        scale.load("dmeo")


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_every_declared_table_resolves(name):
    plan = grid.plan(table.load_all(), scale.load(name))
    assert plan.jobs
    assert {job.kind for job in plan.jobs.values()} <= KINDS.keys()
    digests = {job.canonical() for job in plan.jobs.values()}
    assert len(digests) == len(plan.jobs)


def test_a_job_that_nothing_needs_says_so(declare):
    with pytest.raises(DeclarationError, match="--list names those that are"):
        plan_of(declare()).job("0" * 16)


def test_a_digest_covers_every_field(declare):
    job = next(iter(plan_of(declare()).of_kind("train").values()))
    assert isinstance(job, TrainJob)
    for change in (
        {"seed": 7},
        {"pick": "best"},
        {"recipe": replace(job.recipe, momentum=0.8)},
        {"images": replace(job.images, fingerprint="other")},
        {"method": replace(job.method, revision=99)},
        {"augment": (*job.augment, ("more", 1))},
    ):
        assert job.replace(**change).digest != job.digest


def test_a_scale_may_measure_a_part_of_a_table(declare):
    whole = plan_of(declare())
    part = plan_of(declare(), parts={"table7": {"rows": ["Mixup"], "columns": ["VOC"]}})
    (cell,) = part.cells["table7"]
    # the cells that stay are the same jobs
    assert cell in whole.cells["table7"]
    assert part.tables["table7"].left_out == ("Vanilla", "COCO")
    assert part.tables["table7"].whole == whole.tables["table7"]
    assert whole.tables["table7"].left_out == ()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"rows": ["Mixpu"]}, r"parts: table7: rows: no row 'Mixpu'; did you mean 'Mixup'"),
        ({"columns": ["VO"]}, r"parts: table7: columns: no column 'VO'; did you mean 'VOC'"),
        ({"cols": ["VOC"]}, r"parts: table7: no axis 'cols'"),
    ],
)
def test_wrong_parts_of_a_table_are_refused(declare, chosen, words):
    with pytest.raises(DeclarationError, match=words):
        plan_of(declare(), parts={"table7": chosen})
