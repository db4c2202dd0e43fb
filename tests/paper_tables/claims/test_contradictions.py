"""Contradictions of the papers: the rules find the known ones, which vanish with their cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.claims.contradictions import find_contradictions
from paper_tables.claims.reversed import reversed_lines
from paper_tables.measure import Measured
from pipelines.declare import scale
from pipelines.declare.claims import numbers_of, read_rules, read_sentences
from pipelines.declare.errors import DeclarationError
from pipelines.plan.build import plan


@pytest.fixture(scope="module")
def paper():
    return plan("paper")


@pytest.fixture(scope="module")
def told(paper):
    return read_sentences(paper.tables)


@pytest.fixture(scope="module")
def found(paper, told):
    return find_contradictions(paper, read_rules(), *told)


def test_every_printed_number_is_a_claim_with_a_margin_and_its_source(paper):
    rules = read_rules()
    claims = [claim for t in paper.tables.values() for claim in numbers_of(t, rules)]
    assert len(claims) == 825
    assert all(claim.margin.source for claim in claims)
    assert all(c.margin.amount is None or c.margin.amount > 0 for c in claims)


@pytest.mark.parametrize(
    ("rule", "table", "words"),
    [
        ("gain", "table1", "CIFAR-100 RX-50"),
        ("gain", "table3", "EfficientNet B0 A2"),
        ("gain", "table13", "RX-50 400 ep"),
        ("gain", "table14", "RX-50 800 ep"),
        ("amount", "table5", "+2.74 at AutoMix / iNat2017 R-50; by the table +2.85"),
        ("amount", "table4", "+0.12 to +0.98; by the table +0.52 to +0.98"),
        ("sentence", "table4", "TransMix"),
        ("sentence", "table3", "RSB better than Mixup and CutMix"),
        ("amount", "table3", "+0.08 at RSB / EfficientNet B0 A2; by the table -0.41"),
        ("sentence", "tokenmix_mask_sampling", "ResNet50"),
        ("printed twice", "table1", "CutMix / CIFAR-10 RX-50 97.01; table13"),
        ("printed twice", "table1", "CutMix / CIFAR-100 RX-50 81.67; table14"),
        ("printed twice", "table1", "63.39"),
        ("printed twice", "text", "tiny_imagenet: 10,000 (Appendix A.1); 100,000"),
        ("printed twice", "text", "image benchmarks"),
        ("reference", "table9", "fig9"),
    ],
)
def test_a_known_contradiction_is_found(found, rule, table, words):
    assert any((f.rule, f.table) == (rule, table) and words in f.text for f in found)


@pytest.mark.parametrize("number", ["82.44", "81.09", "82.76", "83.13"])
def test_clean_accuracies_of_table6_are_those_of_table14_printed_twice(found, number):
    texts = [f.text for f in found if f.rule == "printed twice"]
    assert any("table6" in text and "table14" in text and number in text for text in texts)


def test_gains_are_found_in_these_four_columns_alone(found):
    assert sum(each.rule == "gain" for each in found) == 4


def test_a_corrected_number_is_no_contradiction(paper, told):
    table = paper.tables["table5"]
    fixed = dict(table.reference) | {("AutoMix", "iNat2017 R-50"): 62.97}
    tables = dict(paper.tables) | {"table5": replace(table, reference=fixed)}
    texts = [
        f.text for f in find_contradictions(replace(paper, tables=tables), read_rules(), *told)
    ]
    assert not any("+2.74" in text for text in texts)


@pytest.mark.parametrize("lead", [4.0, -4.0])
def test_a_reversed_finding_is_said_and_one_as_said_is_not(paper, told, lead):
    table = paper.tables["fig6"]
    ours, other = Measured((60.0 + lead,)), Measured((60.0,))
    grid = {("AutoMix", "Top-1"): ours, ("without MP", "Top-1"): other}
    lines = reversed_lines(table, scale.load("demo"), grid, told[0])
    if lead > 0:
        assert lines == []
    else:
        assert len(lines) == 1
        assert (
            "AutoMix 56.0 against without MP 60.0 at Top-1 (one run, scale demo: no verdict)"
            in lines[0]
        )


@pytest.mark.parametrize(
    ("ours", "other", "shown"),
    [(0.004, 0.03, "0.004 against without MP 0.03"), (60.01, 60.02, "60.01 against")],
)
def test_numbers_of_a_reversed_pair_are_seen_to_differ(paper, told, ours, other, shown):
    grid = {("AutoMix", "Top-1"): Measured((ours,)), ("without MP", "Top-1"): Measured((other,))}
    (line,) = reversed_lines(paper.tables["fig6"], scale.load("demo"), grid, told[0])
    assert f"AutoMix {shown}" in line


@pytest.mark.parametrize(
    ("name", "subject", "other", "at", "said"),
    [
        (
            "table3",
            "RSB",
            "SaliencyMix",
            "EfficientNet B0 A2",
            "RSB 77.26 against {1} 77.67 at {0}",
        ),
        ("table4", "AutoMix", "TransMix", "Swin-T", "AutoMix 81.80 against {1} 81.80 at {0}"),
    ],
)
def test_a_reversed_finding_names_the_printed_numbers_that_deny_its_sentence(
    paper, told, name, subject, other, at, said
):
    grid = {(subject, at): Measured((40.0,)), (other, at): Measured((41.0,))}
    (line,) = reversed_lines(paper.tables[name], scale.load("demo"), grid, told[0])
    assert "The paper's own table denies its sentence: " in line
    assert said.format(at, other) in line


def test_a_sentence_that_its_table_bears_out_is_not_called_denied(paper, told):
    at = "CIFAR-10 R-18"
    grid = {("AutoMix", at): Measured((40.0,)), ("PuzzleMix", at): Measured((41.0,))}
    (line,) = reversed_lines(paper.tables["table1"], scale.load("demo"), grid, told[0])
    assert "denies" not in line


def test_three_tables_deny_a_sentence(found):
    denied = {(each.table, each.text.split(";")[0]) for each in found if each.rule == "sentence"}
    assert {name for name, _ in denied} == {"table3", "table4", "tokenmix_mask_sampling"}
    assert not any("AutoMix better than all others" in text for _, text in denied)


def test_a_sentence_about_a_row_that_is_not_there_is_refused(paper, tmp_path):
    keys = "place: p, table: fig6, subject: AutoMixx, relation: better, object: without MP"
    text = f"paper: P\nsentences:\n  - {{{keys}}}\n"
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(DeclarationError, match="AutoMix"):
        read_sentences(paper.tables, tmp_path)
