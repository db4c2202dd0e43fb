"""Declarations: what they say, and the one line that a wrong one ends with."""

from __future__ import annotations

import pytest

from pipelines.declare import table
from pipelines.declare.errors import DeclarationError


def test_the_shipped_declarations_load():
    tables = table.load_all()
    paper = tables["table7"]
    assert [row.label for row in paper.rows][:2] == ["Vanilla", "Mixup"]
    assert paper.reference["AutoMix", "VOC mAP"] == 82.4
    assert len(paper.reference) == 24


def test_rows_and_columns_merge_over_what_is_fixed(declare):
    paper = table.load(declare())["table7"]
    point = paper.point(paper.rows[1], paper.columns[0])
    assert point["method"] == "mixup"
    assert point["data"] == "voc0712"
    assert point["pretrain"] == "imagenet"
    assert paper.metric(paper.rows[0], paper.columns[1]) == "AP"
    assert ("Mixup", "COCO") not in paper.reference


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colums": []}, r"table7: no key 'colums'; did you mean 'columns'\?"),
        ({"rows": {"method": ["cutmx"]}}, r"no method 'cutmx'; did you mean 'cutmix'\?"),
        (
            {"rows": {"backbone": ["resnet_50"]}},
            r"no backbone 'resnet_50'; did you mean 'resnet50'\?",
        ),
        ({"rows": None}, "key 'rows' is missing"),
        ({"rows": {"method": "mixup"}}, "expected a list of at least 1 values"),
        ({"rows": {"method": ["mixup"], "seed": [1]}}, "expected one field"),
        ({"columns": [{"label": "VOC"}]}, r"columns\[0\]: the key 'set' is missing"),
        ({"reference": {"Vanila": [1, 2]}}, r"no row 'Vanila'; did you mean 'Vanilla'\?"),
        ({"reference": {"Vanilla": [81.0]}}, "expected 2 numbers, one per column"),
        (
            {"reference": {"Vanilla": [81.0, "38,1"]}},
            r"Vanilla\[1\]: expected a number .* found the text '38,1'",
        ),
        ({"reference": {"Vanilla": 81.0}}, "Vanilla: expected a list of values"),
    ],
)
def test_wrong_declarations_name_file_key_and_nearest_word(declare, changes, words):
    path = declare(**changes)
    with pytest.raises(DeclarationError, match=words) as caught:
        table.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_yaml_is_named(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("tables: [")
    with pytest.raises(DeclarationError, match=r"broken\.yaml: not valid YAML"):
        table.load(path)


def test_two_files_may_not_declare_one_name(declare, tmp_path):
    path = declare()
    (tmp_path / "second.yaml").write_text(path.read_text())
    with pytest.raises(DeclarationError, match=r"table7 is already declared in .*paper\.yaml"):
        table.load_all(tmp_path)


def test_a_folder_without_declarations_is_named(tmp_path):
    with pytest.raises(
        DeclarationError, match=r"expected the tables' declarations in .* found none"
    ):
        table.load_all(tmp_path)


def test_a_declaration_under_another_ending_is_named(tmp_path):
    (tmp_path / "mine.yml").write_text("study: one\n")
    assert "expected a name in .yaml" in str(table.read_all(tmp_path).faults["mine"])
