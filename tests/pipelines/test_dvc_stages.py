"""Stages of DVC: one a declared table, and the file in the repository is theirs."""

from __future__ import annotations

from pathlib import Path

import yaml

from paper_tables.render import products
from pipelines import dvc_stages
from pipelines.declare import scale, table
from pipelines.plan import grid

ROOT = Path(__file__).parents[2]
TABLES = table.load_all()
BODY = yaml.safe_load((ROOT / "dvc.yaml").read_text())


def test_the_file_is_what_the_declarations_say():
    assert (ROOT / "dvc.yaml").read_text() == dvc_stages.text(TABLES)


def test_every_table_and_figure_is_a_stage():
    assert BODY["stages"].keys() == TABLES.keys()


def test_a_stage_has_its_tables_products_and_nothing_else():
    chosen = {name: TABLES[name] for name in ("table8", "tokenmix_fig7", "msda_table1")}
    plan = grid.plan(chosen, scale.load("demo"))
    for name in chosen:
        stage = BODY["stages"][name]
        uncached = [path for key in ("outs", "plots") for path in stage[key]]
        made = {str(path) for path in products(plan, name) if not path.name.startswith("cells-")}
        cells = stage.get("metrics", [])
        assert {*cells, *(next(iter(entry)) for entry in uncached)} == made
        assert all(entry == {next(iter(entry)): {"cache": False}} for entry in uncached)
        # what `dvc metrics diff` compares with
        drawn = TABLES[name].kind == table.NO_CELLS
        assert cells == [f"paper_tables/{name}/metrics.json"] * (not drawn)


def test_a_stage_depends_on_its_own_declaration():
    for name, stage in BODY["stages"].items():
        section = "figures" if TABLES[name].kind == table.NO_CELLS else "tables"
        (declared, scales) = stage["params"]
        assert declared == {TABLES[name].file: [f"{section}.{name}"]}
        assert list(scales) == ["pipelines/scales/${scale}.yaml"]
        # no declaration is a dependency as a whole: another table's would run this one
        assert not any(path.endswith(".yaml") for path in stage["deps"])


BESIDE = (
    *("best_settings", "equal_compute", "gallery", "index", "kept_page", "kept_runs"),
    *("overview", "repeat_kept_run", "report"),
)
"""Commands of their own, no part of a table."""


def test_sources_that_render_are_dependencies():
    stage = BODY["stages"]["table1"]
    for path in (ROOT / "paper_tables").glob("*.py"):
        known = f"paper_tables/{path.name}" in stage["deps"]
        assert known or path.stem in (*BESIDE, "__init__")
    assert "paper_tables/claims" in stage["deps"]
    assert all((ROOT / path).exists() for path in stage["deps"])
