"""Every declared table resolves at every scale, and tables share the jobs that they can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.plan import grid
from pipelines.plan.kinds import TrainJob
from pipelines.plan.setting import Setting

MSDA = ("msda_table1", "msda_table2", "msda_table3", "msda_fig4")
AUTOMIX = ("table9", "table10", "table11", "fair", "fig4", "fig7")


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_every_table_resolves(name):
    plan = grid.plan(table.load_all(), scale.load(name))
    assert {*AUTOMIX, *MSDA} <= set(plan.tables)
    for declared in plan.tables.values():
        skipped = len(declared.rows) * len(declared.columns) - len(declared.skip)
        assert len(plan.cells[declared.name]) == skipped


@pytest.mark.usefixtures("mix_data")
def test_every_table_resolves_on_small_real_sets():
    plan = grid.plan(table.load_all(), scale.load("small"))
    assert {job.images.name for job in plan.needed("table13")} == {"cifar10_small"}
    # the part of it that is measured there
    assert len(plan.needed("table13")) == 4


def test_pipelines_of_table_10_are_a_parameter_of_the_method():
    plan = grid.plan({"table10": table.load_all()["table10"]}, scale.load("paper"))
    used = {
        (cell.row, cell.column.split()[-1]): (method.name, dict(method.params).get("pipeline"))
        for cell in plan.cells["table10"]
        for method in (cell.jobs[0].method,)
    }
    assert used["(none)", "AutoMix"] == ("automix", "none")
    assert used["+ MP (m = 0)", "AutoMix"] == ("automix", "mp0")
    assert used["+ MP", "Mixup"] == ("mixup", "mp")
    assert used["+ MP + CE", "AutoMix"] == ("automix", None)


def test_the_tables_share_jobs_at_demo_scale():
    plan = grid.plan(table.load_all(), scale.load("demo"))
    apart = sum(len(plan.needed(name)) for name in AUTOMIX)
    together = {job.digest for name in AUTOMIX for job in plan.needed(name)}
    assert len(together) < apart

    def jobs(name, row, column):
        (found,) = {c.jobs for c in plan.cells[name] if (c.row, c.column) == (row, column)}
        return found

    # Table 9's whole block is Table 11's at the layer of the demo, and Figure 4's network
    whole = jobs("table9", "+ lambda loss", "Tiny-ImageNet R-18")
    assert whole == jobs("table11", "l = 2", "R-18")
    (mixed,) = jobs("fig4", "AutoMix", "Top-1 of mixed data")
    assert whole == tuple(mixed.parents())
    # the fair table without a floor is Table 10's
    fair = jobs("fair", "AutoMix", "floor 0")
    assert fair == jobs("table10", "+ MP + CE", "CIFAR-100 AutoMix")


def test_length_is_a_share_of_the_recipe():
    plan = grid.plan({"table13": table.load_all()["table13"]}, scale.load("paper"))
    assert {job.recipe.epochs for job in plan.needed("table13")} == {200, 400, 800, 1200}


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_crops_of_the_two_scenarios_keep_the_image_size_of_the_scale(name):
    plan = grid.plan({"msda_table1": table.load_all()["msda_table1"]}, scale.load(name))
    augment = {cell.row: dict(cell.jobs[0].augment) for cell in plan.cells["msda_table1"]}
    large, small = augment["Scenario 1: Large crop"], augment["Scenario 2: Small crop"]
    assert {large["size"], small["size"]} == {48 if name == "demo" else 224}
    assert large["crop"] == small["crop"] == "resized"
    assert large["scale"][0] == small["scale"][1] == 0.5
    assert {key for key in large if large[key] != small[key]} == {"scale"}


def test_the_tables_of_msda_share_their_trainings():
    declared = table.load_all()
    demo = grid.plan(declared, scale.load("demo"))
    figure, second = ({job.digest for job in demo.needed(f"msda_{n}")} for n in ("fig4", "table2"))
    assert figure < second
    # one network stands for all five
    assert len(second) == 7
    paper = grid.plan(declared, scale.load("paper"))
    figure, second = ({job.digest for job in paper.needed(f"msda_{n}")} for n in ("fig4", "table2"))
    assert figure < second
    assert len(second) == 3 * (7 * 5 - 1)
    # ImageNet without mixing and with CutMix: the trainings of AutoMix' Figure 1
    shared = {job.digest for job in paper.needed("fig1")} & {
        job.digest for job in paper.needed("msda_table3")
    }
    assert {paper.job(key).method.name for key in shared} >= {"vanilla", "cutmix"}
    assert all(
        dict(job.method.params).get("alpha", 1.0) == 1.0
        for name in MSDA
        for job in paper.needed(name)
    )


def jobs_of(plan, name, row, column):
    (found,) = {c.jobs for c in plan.cells[name] if (c.row, c.column) == (row, column)}
    return found


SAME_TRAININGS = [
    # Table 1's CIFAR columns are the 800-epoch columns of Tables 13 and 14
    (("table1", "FMix", "CIFAR-10 RX-50"), ("table13", "FMix", "RX-50 800 ep")),
    (("table1", "Co-Mixup", "CIFAR-100 R-18"), ("table14", "Co-Mixup", "R-18 800 ep")),
    (("table1", "AutoMix", "Tiny-ImageNet R-18"), ("table11", "l = 3", "R-18")),
    (("table2", "ResizeMix", "R-50 100 ep"), ("fig1", "ResizeMix", "Top-1")),
    (("table2", "CutMix", "R-50 100 ep"), ("fig3", "CutMix", "Top-1")),
    (("table4", "DeiT", "DeiT-S"), ("tokenmix_imagenet", "DeiT-S", "CutMix")),
    (("tokenmix_loss", "TokenMix BCE", "Top-1 Acc."), ("tokenmix_fig6", "TokenMix", "Top-1")),
    (
        ("tokenmix_combinations", "Mixup + TokenMix", "Top-1 Acc."),
        ("tokenmix_imagenet", "DeiT-B", "TokenMix"),
    ),
    (
        ("tokenmix_supervision", "TokenMix (ImageNet)", "Top-1 Acc."),
        ("tokenmix_mask_sampling", "DeiT-T", "block"),
    ),
]


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_cells_that_mean_the_same_training_are_one_job(name):
    plan = grid.plan(table.load_all(), scale.load(name))
    for one, other in SAME_TRAININGS:
        # a scale may have another layer for the block
        if name == "demo" and one[0] == "table1" and other[0] == "table11":
            continue
        # or leave a column out
        if any(place[2] in plan.tables[place[0]].left_out for place in (one, other)):
            continue
        first, second = jobs_of(plan, *one), jobs_of(plan, *other)
        # where one table has fewer runs, its runs are among the other's
        assert set(first) <= set(second) or set(second) <= set(first), (one, other)
    # a clean accuracy of Table 6 is the 400-epoch column of Table 14
    for row in ("Vanilla", "PuzzleMix", "AutoMix"):
        (measured,) = {
            job.parent for job in jobs_of(plan, "table6", row, "Clean Acc") if job.parent.seed == 0
        }
        # at demo both stand for one network
        column = "RX-50 400 ep" if name == "paper" else "R-18 400 ep"
        assert measured in jobs_of(plan, "table14", row, column)


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_the_baseline_of_tokenmix_mixes_as_deit_does_at_every_scale(name):
    """A scale's own hyper-parameters do not reach it: TokenMix' Mixup has DeiT's, too."""
    plan = grid.plan(table.load_all(), scale.load(name))
    found = {
        (method.name, dict(method.params)["mixup"], dict(method.params).get("cutmix"))
        for target in plan.tables
        if target.startswith("tokenmix")
        for job in plan.needed(target)
        if isinstance(job, TrainJob) and "mixup" in dict((method := job.method).params)
    }
    assert ("stochastic", 0.8, 1.0) in found
    assert {mixup for _, mixup, _ in found if mixup} == {0.8}
    assert {cutmix for name, _, cutmix in found if name == "stochastic"} == {1.0}


def test_a_teacher_is_one_training_for_all_seeds():
    declared = table.load_all()["tokenmix_teacher"]
    paper = grid.plan({"tokenmix_teacher": declared}, scale.load("paper"))
    (teachers,) = {
        tuple(j.teacher for j in jobs_of(paper, declared.name, "ResNet26", "Top-1 Acc."))
    }
    assert len(set(teachers)) == 1
    assert (teachers[0].recipe.epochs, teachers[0].seed) == (0, 0)
    assert teachers[0].weights.name == "timm"
    assert "evaluate resnet26 with timm weights on imagenet" in teachers[0].describe()
    demo = grid.plan({"tokenmix_teacher": declared}, scale.load("demo"))
    (student,) = jobs_of(demo, declared.name, "NFNet-F6", "Top-1 Acc.")
    # trained on the images that the student sees
    assert student.teacher.images == student.images
    assert student.teacher.weights is None
    assert student.teacher.digest in demo.jobs


def test_the_recipe_decides_which_hyper_parameters_a_method_has():
    plan = grid.plan(table.load_all(), scale.load("paper"))
    for name, row, column, expected in (
        ("table2", "CutMix", "R-50 100 ep", {"alpha": 1.0, "scope": "batch"}),
        ("table3", "CutMix", "R-50 A3", {"alpha": 0.2, "scope": "batch"}),
        ("table4", "CutMix", "DeiT-S", {"alpha": 0.2, "scope": "batch"}),
        ("table3", "RSB", "R-50 A3", {"mixup": 0.1, "cutmix": 1.0, "mode": "batch"}),
        ("table4", "DeiT", "Swin-T", {"mixup": 0.8, "cutmix": 1.0, "mode": "batch"}),
    ):
        method = jobs_of(plan, name, row, column)[0].method
        assert dict(method.params) == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "automix"}, "automix is trained by an objective of its own.*weight_ema"),
        (
            {"method": "automix", "changes": {"weight_ema": None, "mix_prob": 0.5}},
            "which has no mix_prob: expected mix_prob 1.0, found 0.5",
        ),
        ({"backbone": "wrn28_2", "method": "mixup"}, "wrn28_2 has no stochastic depth"),
    ],
)
def test_what_an_objective_or_a_network_cannot_do_is_refused_when_planned(changes, words):
    point = {"data": "imagenet", "backbone": "deit_small", "recipe": "imagenet_deit", **changes}
    with pytest.raises(DeclarationError, match=words):
        TrainJob.build(point, Setting("here", scale.load("paper"), 0))


def test_a_row_as_released_can_be_asked_for():
    point = {"data": "cifar100", "backbone": "resnet18_cifar", "recipe": "cifar"}
    asked = {**point, "method": "saliencymix", "params": {"released": True}}
    job = TrainJob.build(asked, Setting("here", scale.load("paper"), 0))
    assert dict(job.method.params)["released"] is True
    wrong = {**point, "method": "vanilla", "params": {"released": True}}
    with pytest.raises(DeclarationError, match="no parameter of vanilla 'released'"):
        TrainJob.build(wrong, Setting("here", scale.load("paper"), 0))


def test_lambda_is_drawn_as_the_scale_says():
    point = {"data": "imagenet", "backbone": "resnet50", "recipe": "imagenet_pytorch"}
    paper = scale.load("paper")

    def params(chosen, method, **more):
        job = TrainJob.build({**point, "method": method, **more}, Setting("here", chosen, 0))
        return dict(job.method.params)

    for method in ("mixup", "cutmix", "fmix", "puzzlemix", "hmix", "manifoldmix"):
        # the released protocol
        assert params(paper, method)["scope"] == "batch"
        assert params(paper, method, params={"scope": "sample"})["scope"] == "sample"
        assert params(replace(paper, lambda_per="sample"), method)["scope"] == "sample"
        assert "scope" not in params(replace(paper, lambda_per=None), method)
    # AutoMix and the procedures of DeiT draw for a batch by themselves
    for method in ("automix", "stochastic", "vanilla"):
        assert "scope" not in params(paper, method)
