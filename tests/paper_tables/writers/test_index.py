"""The page of everything: what is there is shown, what is not says how to get it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from PIL import Image

from paper_tables.measure import Measured
from paper_tables.overview import Entry
from paper_tables.sheet import build_sheet
from paper_tables.writers.index import write_index
from pipelines.declare import scale, table

TABLES = table.load_all()
DEMO = scale.load("demo")


@pytest.fixture
def entries(tmp_path):
    """One table that is done, one that has not run, one whose runs are partly there."""
    fig6 = TABLES["fig6"]
    grid = {(row.label, "Top-1"): Measured((40.0, 41.0), 39.0) for row in fig6.rows}
    (tmp_path / "fig6").mkdir()
    picture = tmp_path / "fig6" / "figure.png"
    Image.new("RGB", (4, 4)).save(picture)
    sheet = build_sheet(fig6, grid, DEMO, ("shapes",))
    done = Entry(fig6, "AutoMix", 2, 2, True, sheet, pictures=(picture,), files=(picture,))
    return (
        done,
        Entry(TABLES["table7"], "AutoMix", 0, 12, False),
        Entry(TABLES["msda_table2"], "MSDA", 3, 6, False),
    )


def test_the_page_shows_what_is_there(entries, tmp_path):
    page = write_index(entries, DEMO, tmp_path)
    done, missing, partly = re.findall(r"<article id=.*?</article>", page)
    assert done.index("data:image/png") < done.index("fig6:") < done.index("40.5")
    assert 'href="fig6/figure.png"' in done
    assert "snakemake" not in done
    assert "12 of 12 runs are missing" in missing
    assert "config scale=demo -- paper_tables/table7" in missing
    assert "3 of 6 runs" in partly
    assert "1 of 3 are done" in page


def test_the_page_works_offline_and_fits_a_phone(entries, tmp_path):
    page = write_index(entries, DEMO, tmp_path)
    assert not re.search(r"(src|href)=\"?(https?:|//)", page)
    assert "<meta name=viewport" in page
    assert page.count("<table>") == page.count("<div class=table>")
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert anchors == {"fig6", "table7", "msda_table2"}
    assert all(f"<article id={name}>" in page for name in anchors)


@pytest.mark.parametrize("compare", [False, True])
def test_the_papers_numbers_stand_there_where_they_compare(entries, compare, tmp_path):
    said = replace(DEMO, compare=compare)
    fig6 = entries[0].table
    grid = {(row.label, "Top-1"): Measured((40.0, 41.0), 39.0) for row in fig6.rows}
    entry = replace(entries[0], sheet=build_sheet(fig6, grid, said, ()))
    page = write_index((entry,), said, tmp_path)
    assert ("(paper 39.0, +1.5)" in page) is compare
    assert ("must not be compared" in page) is not compare
