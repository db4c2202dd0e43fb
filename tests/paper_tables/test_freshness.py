"""Freshness: whatever a product shows is in its address, and an edited product is made again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables import freshness
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid


@pytest.fixture(scope="module")
def plan():
    return grid.plan({"fig12": table.load_all()["fig12"]}, scale.load("demo"))


@pytest.fixture
def rendered(plan, tmp_path):
    """Products as if rendered: (address file, store, jobs)."""
    store, jobs = Store(tmp_path / "results"), plan.needed("fig12")
    for job in jobs:
        with store.working(job) as folder:
            store.commit(job, folder, Outcome({"top1": 50.0}, [], 1.0))
    products = [tmp_path / "table.md", tmp_path / "figure.png"]
    for path in products:
        path.write_text(path.name)
    address = tmp_path / "cells-0123.json"
    freshness.write(address, products, jobs, store, {})
    return address, store, jobs


def test_what_nobody_touched_stays(rendered):
    address, store, jobs = rendered
    assert not freshness.discard_stale(address, jobs, store)
    assert address.exists()


@pytest.mark.parametrize("text", ["edited", "", None])
def test_a_touched_product_is_made_again(rendered, text):
    address, store, jobs = rendered
    path = address.with_name("table.md")
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert freshness.discard_stale(address, jobs, store)
    assert not address.exists()


def test_a_changed_result_is_shown(rendered):
    address, store, jobs = rendered
    with store.working(jobs[0]) as folder:
        store.commit(jobs[0], folder, Outcome({"top1": 51.0}, [], 1.0))
    assert freshness.discard_stale(address, jobs, store)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"products": 3, "results": {}}'])
def test_a_broken_address_file_goes(rendered, text):
    address, store, jobs = rendered
    address.write_text(text)
    assert freshness.discard_stale(address, jobs, store)


def address_of(declared, chosen, cells=(), renderer=""):
    return grid.digest(declared, chosen, cells, renderer)


def test_everything_that_is_shown_is_in_the_address():
    declared, demo = table.load_all()["table7"], scale.load("demo")
    first, *others = declared.columns
    rows = declared.rows
    variants = [
        replace(declared, higher_is_better=False),
        replace(declared, unit="points"),
        replace(declared, compare="columns"),
        replace(declared, rows=(rows[1], rows[0], *rows[2:])),
        replace(declared, columns=(replace(first, unit="ms"), *others)),
        replace(declared, columns=(replace(first, decimals=3), *others)),
        replace(declared, columns=(replace(first, higher_is_better=False), *others)),
        replace(declared, title="x"),
        replace(declared, footnotes=("x",)),
        replace(declared, tolerance=9.0),
        replace(declared, figure="lines_over_rows"),
        replace(declared, reference={}),
        replace(declared, skip=frozenset({(rows[0].label, first.label)})),
    ]
    addresses = {address_of(variant, demo) for variant in variants}
    addresses |= {address_of(declared, demo), address_of(declared, demo, renderer="another")}
    addresses |= {address_of(declared, replace(demo, compare=True))}
    addresses |= {address_of(declared, replace(demo, note="x"))}
    assert len(addresses) == len(variants) + 4
    # where it was declared is not shown
    assert address_of(replace(declared, file="other.yaml"), demo) == address_of(declared, demo)


def test_the_source_that_renders_is_in_the_address(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("x = 1  # one\n")
    monkeypatch.setattr(freshness, "PACKAGE", tmp_path)
    digests = []
    for text in ("x = 1  # one\n", "x = 1\n", "x = 2\n"):
        (tmp_path / "a.py").write_text(text)
        freshness.source_digest.cache_clear()
        digests.append(freshness.source_digest())
    freshness.source_digest.cache_clear()
    assert digests[0] == digests[1] != digests[2]
