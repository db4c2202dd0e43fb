"""Under every table: how long its trainings were, and of which epochs its numbers are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.epoch_notes import epoch_notes
from pipelines.declare import scale, table
from pipelines.plan import grid
from pipelines.plan.build import plan
from pipelines.plan.kinds.train import TrainJob

TABLES = table.load_all()


def notes_of(name, word):
    found = grid.plan({name: TABLES[name]}, scale.load(word))
    return epoch_notes(found.needed(name), found.tables[name])


def test_labels_of_the_paper_do_not_hide_how_long_the_demo_trains():
    (line,) = notes_of("table14", "demo")
    assert line == (
        "The accuracy of a training (resnet10_w16, 5, 10 and 20 epochs) is that of the last epoch "
        "(pick: last)."
    )


def test_at_paper_scale_the_rule_is_the_papers():
    (line,) = notes_of("table9", "paper")
    assert ", 400 epochs) is the median over the last ten evaluated epochs" in line


def test_a_table_of_evaluations_says_which_network_is_evaluated():
    (line,) = notes_of("fig8", "demo")
    assert line == (
        "A network that is measured or trained further is that of the last epoch of its training "
        "(resnet10_w16, 20 epochs)."
    )


def test_a_table_of_costs_reports_no_accuracy():
    found = grid.plan({"table11": TABLES["table11"]}, scale.load("demo"))
    table = found.tables["table11"]
    costs = replace(table, columns=tuple(c for c in table.columns if c.metric != "top1"))
    (line,) = epoch_notes(found.needed("table11"), costs)
    assert line.startswith("Trained: resnet10_w16, ")
    assert "accuracy" not in line
    mixed = replace(table, columns=(*costs.columns[:1], replace(costs.columns[1], metric="top1")))
    assert "accuracy" in epoch_notes(found.needed("table11"), mixed)[0]


@pytest.mark.parametrize("word", ["demo", "small"])
def test_short_scales_report_the_last_epoch(word):
    """A median over the last ten of ten epochs would be one over the whole training."""
    assert scale.load(word).settings("train", "cifar10", "cifar")["pick"] == "last"


def test_every_training_of_the_demo_reports_its_last_epoch():
    jobs = plan("demo").jobs.values()
    assert {job.pick for job in jobs if isinstance(job, TrainJob)} == {"last"}
