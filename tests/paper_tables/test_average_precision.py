"""What stands beside an average precision: its rule, always; its interval, where there is one."""

import pytest

from paper_tables.average_precision import average_precision_notes
from paper_tables.measure import measure
from paper_tables.render import make_sheet
from paper_tables.report import report
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid


@pytest.fixture
def plan():
    whole = table.load_all()["table7"].part("here", {"rows": ["Vanilla", "Mixup"]})
    return grid.plan({"table7": whole}, scale.load("demo"))


def store_with(plan, folder, **more):
    kept = Store(folder)
    for job in plan.of_kind("detect").values():
        with kept.working(job) as work:
            metrics = {"AP": 20.0, "AP50": 40.0, "AP75": 10.0}
            kept.commit(job, work, Outcome(metrics, [], 1.0, more=more))
    return kept


def test_every_column_says_its_rule_and_interval(plan, tmp_path):
    spans = {"AP": [18.0, 22.0], "AP50": [36.4, 43.2], "AP75": [8.0, 12.0]}
    store = store_with(plan, tmp_path, intervals=spans)
    lines = average_precision_notes(plan.tables["table7"], plan.cells["table7"], store)
    assert len(lines) == 4
    assert lines[0].startswith("VOC mAP: AP50 by the rule of Pascal VOC 2007 (mean precision at 11")
    assert "Vanilla 36.4 to 43.2, Mixup 36.4 to 43.2" in lines[0]
    assert lines[1].startswith("COCO mAP: AP by the rule of COCO (101 recalls")
    numbers = measure(plan.tables["table7"], plan.cells["table7"], store)
    assert set(lines) <= set(make_sheet(plan, "table7", numbers, store).notes)


def test_a_table_that_misses_a_cell_says_so_too(plan, tmp_path):
    store = store_with(plan, tmp_path)
    lost = plan.cells["table7"][0]
    for job in lost.jobs:
        store.file(job).unlink()
        store.log(job).parent.mkdir(parents=True, exist_ok=True)
        store.log(job).write_text("2026 failed: OSError: disk full\n")
    out = tmp_path / "tables"
    report(plan, "table7", store, out)
    text = (out / "table7" / "table.md").read_text()
    assert "| failed |" in text
    assert "VOC mAP: AP50 by the rule of Pascal VOC 2007" in text


def test_the_ends_of_a_small_interval_are_not_printed_as_zero(plan, tmp_path):
    store = store_with(plan, tmp_path, intervals={"AP50": [0.0, 0.042]})
    lines = average_precision_notes(plan.tables["table7"], plan.cells["table7"], store)
    assert "Vanilla 0.0 to 0.04, Mixup 0.0 to 0.04" in lines[0]


def test_older_results_have_a_rule_and_no_interval(plan, tmp_path):
    store = store_with(plan, tmp_path)
    lines = average_precision_notes(plan.tables["table7"], plan.cells["table7"], store)
    assert len(lines) == 4
    assert not [line for line in lines if "interval" in line]


def test_tables_of_other_kinds_have_none(tmp_path):
    other = grid.plan({"fig9": table.load_all()["fig9"]}, scale.load("demo"))
    found = average_precision_notes(other.tables["fig9"], other.cells["fig9"], Store(tmp_path))
    assert found == ()
