"""Kept runs: a whole one has no fault, and each way to spoil one is named."""

from __future__ import annotations

import copy

import pytest

from paper_tables.kept_runs import faults
from paper_tables.measured_runs import FOLDER
from pipelines.execute.provenance import closure_digest
from pipelines.execute.result_file import load

PATH = sorted(FOLDER.glob("table13/*.json"))[0]


@pytest.fixture
def whole():
    body = copy.deepcopy(load(PATH, PATH.stem))
    modules = {"mixlib.methods.cutmix": "0123"}
    source = {"digest": closure_digest(modules), "modules": modules, "changed_during_run": []}
    body["provenance"]["source"] = source
    return body


def test_a_whole_run_has_no_fault(whole):
    assert faults(whole) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda b: b["history"].pop(3), "epochs in order"),
        (lambda b: b["metrics"].update(top1=99.0), "its history gives top1"),
        (lambda b: b["job"].update(seed=7), "today's code makes"),
        (lambda b: b["job"].update(word=7), "expected a job of today's code"),
        (lambda b: b["provenance"].pop("source"), "it names no modules"),
        (lambda b: b["provenance"]["source"]["modules"].clear(), "not that of its modules"),
        (lambda b: b["provenance"]["source"]["changed_during_run"].append("m"), "changed during"),
        (lambda b: b["provenance"]["git"].update(dirty=True), "expected committed sources"),
    ],
)
def test_a_spoilt_run_is_named(whole, spoil, said):
    spoil(whole)
    assert any(said in text for text in faults(whole))
