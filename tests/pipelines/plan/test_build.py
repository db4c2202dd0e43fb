"""Every declared table resolves at every scale, and tables share the jobs that they can."""

from __future__ import annotations

import pytest

from pipelines.declare import scale, table
from pipelines.plan import grid

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
    augment = {cell.column: dict(cell.jobs[0].augment) for cell in plan.cells["msda_table1"]}
    large, small = augment["Large crop"], augment["Small crop"]
    assert {large["size"], small["size"]} == {64 if name == "demo" else 224}
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
