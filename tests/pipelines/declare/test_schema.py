"""The schema: complete against the dataclasses, true of the catalogs, and deaf to no nonsense."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from downstream.attention.settings import AttentionSettings
from downstream.calibration.settings import CalibrationSettings
from downstream.detection.settings import SETTINGS, DetectSettings
from downstream.localization.settings import LocalizeSettings
from downstream.robustness.occlusion_settings import OcclusionProtocol
from downstream.robustness.settings import RobustnessSettings
from downstream.segmentation.settings import SegmentSettings
from mixlib.catalog.methods import METHODS
from mixlib.core.method import FAMILIES
from mixlib.data.augmentations import AUGMENTS, Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.shapes.scenes import Shapes
from mixlib.methods.adautomix import AdAutoMixSpec
from mixlib.methods.automix import AutoMixSpec
from mixlib.training.recipes import RECIPES, Recipe
from pipelines.declare import evaluation_schema, method_schema, relations, scale, schema, table
from pipelines.declare.errors import DeclarationError
from pipelines.declare.values import Fields, check_fields
from pipelines.plan import epoch_selection, grid
from pipelines.plan.build import plan
from pipelines.plan.kinds import KINDS, detect, localize, mixed, robustness, segment, train
from pipelines.plan.method_parameters import parameters

# what identifies a row and is no setting
IDENTITY = {"name", "source", "revision"}


def names(of: type) -> set[str]:
    return {field.name for field in dataclasses.fields(of)} - IDENTITY


@pytest.mark.parametrize(
    ("fields", "of"),
    [
        (schema.RECIPE, Recipe),
        (schema.AUGMENTATION, Augment),
        (schema.DETECTION, DetectSettings),
        (evaluation_schema.LOCALIZATION, LocalizeSettings),
        (evaluation_schema.ROBUSTNESS, RobustnessSettings),
        (evaluation_schema.CALIBRATION, CalibrationSettings),
        (evaluation_schema.OCCLUSION, OcclusionProtocol),
        (evaluation_schema.ATTENTION, AttentionSettings),
        (evaluation_schema.SEGMENTATION, SegmentSettings),
        (schema.SHAPES, Shapes),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_of_a_dataclass_has_a_range(fields, of):
    assert fields.keys() == names(of)


def test_every_parameter_of_automix_has_a_range():
    def compare(fields: Mapping[str, Any], spec: Any) -> None:
        for name, kind in fields.items():
            if isinstance(kind, Fields):
                compare(kind.of, getattr(spec, name))
        assert fields.keys() - {"preset", "pipeline"} == names(type(spec)) - {"rule"}

    compare(method_schema.AUTOMIX, AutoMixSpec())
    compare(method_schema.ADAUTOMIX, AdAutoMixSpec())


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_of_a_method_has_a_range_that_its_own_values_pass(name):
    known = parameters(METHODS[name])
    for family in FAMILIES:
        for small in (False, True):
            for pipeline in (None, *METHODS[name].pipelines) if "pipeline" in known else (None,):
                params = METHODS[name].params_for(family, small, pipeline)
                check_fields(name, params, known, "parameter")


def test_what_the_catalogs_say_is_in_range():
    for recipe in RECIPES.values():
        values = {k: v for k, v in vars(recipe).items() if k not in IDENTITY}
        check_fields(recipe.name, values, schema.RECIPE)
        relations.check_relations(recipe.name, recipe, relations.RECIPE_RELATIONS)
    for name, augment in AUGMENTS.items():
        values = {k: v for k, v in vars(augment).items() if k not in IDENTITY}
        check_fields(name, values, schema.AUGMENTATION)
    for name, settings in SETTINGS.items():
        check_fields(name, vars(settings), schema.DETECTION)
        relations.check_relations(name, settings, relations.DETECTION_RELATIONS)
    for settings, known in (
        (LocalizeSettings(), evaluation_schema.LOCALIZATION),
        (RobustnessSettings(), evaluation_schema.ROBUSTNESS),
        (CalibrationSettings(), evaluation_schema.CALIBRATION),
        (OcclusionProtocol(), evaluation_schema.OCCLUSION),
        (AttentionSettings(), evaluation_schema.ATTENTION),
        (SegmentSettings(), evaluation_schema.SEGMENTATION),
    ):
        check_fields(type(settings).__name__, vars(settings), known)
    for row in DATASETS.values():
        if row.spec is not None:
            check_fields(row.name, vars(row.spec), schema.SHAPES)


def test_names_that_stand_in_two_places_are_the_same():
    assert set(schema.EPOCH_RULES) == epoch_selection.EPOCH_RULES.keys()
    assert schema.CHANGES.keys() == KINDS.keys()
    fields = {
        *(*train.FIELDS, *detect.FIELDS, *localize.FIELDS, *mixed.FIELDS, "rounds"),
        *(*robustness.FIELDS, *segment.FIELDS, "after", "pairs"),
    }
    assert schema.CELL.keys() == fields


# ---- nonsense: each was once accepted and run, or found out after hours on a node

WRONG_SETTINGS = [
    ("train", "epochs", -1), ("train", "epochs", 0), ("train", "epochs", 2.7),
    ("train", "epochs", True), ("train", "momentum", 2), ("train", "weight_decay", -1),
    ("train", "min_lr", -1), ("train", "min_lr", 5.0), ("train", "smoothing", 7),
    ("train", "schedule_by", "fortnight"), ("train", "warmup_epochs", 99),
    ("train", "evaluate_every", "x"), ("train", "channels_last", "no"),
    ("train", "decay_all", "false"), ("train", "lr", "0.1"), ("train", "lr", 0),
    ("train", "lr", float("nan")), ("train", "lr", float("inf")), ("train", "lr", None),
    ("train", "optimizer", "foo"), ("train", "precision", "foo"), ("train", "batch", 0),
    ("train", "batch", [64]), ("train", "loss", "mse"), ("train", "augment", 3),
    ("train", "augment", "cifr"), ("train", "pick", "median"), ("train", "weights", 5),
    ("train", "grad_clip", 0), ("train", "weight_ema", 2), ("train", "ephocs", 3),
    ("train", "augmentation", {"flip": 5}), ("train", "augmentation", {"size": "64"}),
    ("train", "augmentation", {"scale": [1.0, 0.5]}), ("train", "augmentation", {"flp": 0.5}),
    ("train", "augmentation", {"randaugment": "rand"}), ("train", "augmentation", 64),
    ("detect", "roi_iou", 7), ("detect", "nms", -1), ("detect", "flip", 5),
    ("detect", "steps", [145, 120]), ("detect", "steps", [120, 1000]), ("detect", "steps", 120),
    ("detect", "iterations", 1.5), ("detect", "backend", "detectron"),
    ("detect", "train_sizes", []), ("detect", "max_size", 64), ("detect", "warmup_iters", 10_000),
    ("detect", "pixel_mean", [1, 2]), ("detect", "extra_norm", "yes"),
    ("detect", "pre_nms", [0, 1]), ("detect", "anchor_sizes", [-16]),
]  # fmt: skip


def demo() -> dict[str, Any]:
    path = scale.FOLDER / "demo.yaml"
    body = yaml.safe_load(path.read_text())
    return {key: value for key, value in body.items() if key not in ("parts", "seeds_of")}


def plan_with(declare, tmp_path, change=lambda body: None, **changes):
    """The plan of the test's table with a changed demo scale, both from files."""
    path = declare(**changes)
    body = demo()
    change(body)
    (tmp_path / "scales").mkdir()
    (tmp_path / "scales" / "mine.yaml").write_text(yaml.safe_dump(body))
    return grid.plan(table.load(path), scale.load("mine", tmp_path / "scales"))


def refused(declare, tmp_path, change=lambda body: None, **changes) -> str:
    with pytest.raises(DeclarationError) as caught:
        plan_with(declare, tmp_path, change, **changes)
    text = str(caught.value)
    assert "\n" not in text
    assert ".yaml" in text
    return text


def test_the_unchanged_scale_is_accepted(declare, tmp_path):
    assert plan_with(declare, tmp_path).jobs


@pytest.mark.parametrize(("kind", "field", "value"), WRONG_SETTINGS, ids=str)
def test_wrong_settings_are_refused_when_planned(declare, tmp_path, kind, field, value):
    text = refused(
        declare, tmp_path, lambda body: body["kinds"][kind]["default"].update({field: value})
    )
    assert field in text
    if "expected" in text:
        assert "found" in text


WRONG_SCALES: list[tuple[str, Any]] = [
    ("seeds", 1e30), ("seeds", 0), ("seeds", "two"), ("seeds", True), ("seeds", 2.0),
    ("compare", "no"), ("family", "generatd"), ("title", None), ("title", "a\nb"), ("note", 3),
    ("kinds", {"trian": {"default": {}}}), ("kinds", {"train": {"imagnet": {}}}), ("kinds", []),
    ("kinds", {"train": None}), ("kinds", {"train": {"default": None}}),
    ("data", {"imagnet": {"name": "shapes"}}), ("data", {"imagenet": {"name": "shape"}}),
    ("data", {"imagenet": "shapes"}), ("data", {"imagenet": {"name": "shapes", "test_cap": 0}}),
    ("data", {"imagenet": {"name": "shapes", "spec": {"train": -5}}}),
    ("data", {"imagenet": {"name": "shapes", "spec": {"trian": 5}}}),
    ("data", {"imagenet": {"name": "shapes", "spec": {"radius": [0.5, 0.1]}}}),
    ("backbones", {"resnet500": "resnet10_w16"}), ("backbones", {"resnet50": "resnet10_w17"}),
    ("backbones", {"cub20/resnet50": "resnet10_w16"}), ("backbones", ["resnet50"]),
    ("parts", {"table7": {"rows": "Mixup"}}), ("parts", {"table7": {"rows": []}}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG_SCALES, ids=str)
def test_wrong_scales_are_refused(declare, tmp_path, field, value):
    refused(declare, tmp_path, lambda body: body.update({field: value}))


def test_names_of_no_table_are_refused(monkeypatch):
    found = dataclasses.replace(scale.load("demo"), seeds_of={"tabel7": 2})
    monkeypatch.setattr(scale, "load", lambda name: found)
    with pytest.raises(DeclarationError, match="no table or kind 'tabel7'; did you mean 'table7'"):
        plan("demo")


CELL = {"pretrain": "imagenet", "backbone": "resnet50", "recipe": "imagenet_pytorch"}
WRONG_TABLES: list[dict[str, Any]] = [
    {"compare": "no"}, {"higher_is_better": "false"}, {"tolerance": -1}, {"tolerance": "0.4"},
    {"tolerance": float("nan")}, {"metric": 5}, {"unit": ["%"]}, {"title": 7}, {"title": ""},
    {"kind": "detct"}, {"kind": ["detect"]}, {"figure": "os:system"}, {"figure": 3},
    {"footnotes": "one"}, {"footnotes": [1]}, {"fixed": []}, {"fixed": {**CELL, "recpie": "cifar"}},
    {"fixed": {**CELL, "backbone": "resnet500"}}, {"fixed": {**CELL, "pretrain": "imagnet"}},
    {"fixed": {**CELL, "recipe": ["cifar"]}}, {"fixed": {**CELL, "changes": {"lr": "0.1"}}},
    {"fixed": {**CELL, "params": {"alpha": -1}}}, {"fixed": {**CELL, "params": {"alpah": 1}}},
    {"fixed": {**CELL, "params": {"alpha": "1"}}}, {"fixed": {**CELL, "params": [1]}},
    {"rows": []}, {"rows": {"method": []}}, {"rows": {"method": [["mixup"]]}},
    {"rows": {"method": [None]}}, {"rows": "mixup"}, {"rows": [3]}, {"rows": {1: ["mixup"]}},
    {"rows": [{"label": 3, "set": {"method": "mixup"}}]},
    {"rows": [{"label": "", "set": {"method": "mixup"}}]},
    {"rows": [{"label": "a", "set": "mixup"}]},
    {"rows": [{"label": "a", "set": {"method": "mixup"}, "decimals": -1}]},
    {"columns": [{"label": "x", "set": {"data": "voc0712", "settings": "voc_24k"}}]},
    {"columns": [{"label": "x", "set": {"data": "voc0712", "settings": "voc"}, "metric": "AP"}]},
    {"columns": [{"label": "x", "set": {"data": "voc07", "settings": "voc_24k"}, "metric": "AP"}]},
    {"columns": [{"label": "x", "set": {"data": "voc0712", "settings": "voc_24k"},
                  "metric": "AP5O"}]},
    {"reference": {"Vanilla": [float("inf"), 1.0]}}, {"reference": {"Vanilla": [True, 1.0]}},
    {"reference": [1]}, {"skip": {"Vanilla": "VOC"}}, {"skip": {"Vanila": ["VOC"]}},
]  # fmt: skip


@pytest.mark.parametrize("changes", WRONG_TABLES, ids=str)
def test_wrong_tables_are_refused(declare, tmp_path, changes):
    refused(declare, tmp_path, **{"reference": {}, **changes})


def test_two_rows_of_one_label_are_refused(declare, tmp_path):
    rows = [{"label": "same", "set": {"method": name}} for name in ("vanilla", "mixup")]
    text = refused(declare, tmp_path, rows=rows, reference={})
    assert "expected labels that differ, found 'same' 2 times" in text


def test_huge_grids_are_refused_with_their_count(declare, tmp_path):
    rows = [{"label": f"r{i}", "set": {"method": "mixup"}} for i in range(6000)]
    text = refused(declare, tmp_path, rows=rows, reference={})
    assert "6,000 rows x 2 columns = 12,000" in text


def test_more_runs_than_anybody_wants_are_refused(declare):
    rows = [{"label": f"r{i}", "set": {"method": "mixup"}} for i in range(400)]
    tables = table.load(declare(rows=rows, reference={}))
    many = dataclasses.replace(scale.load("demo"), seeds=1000, seeds_of={}, parts={})
    with pytest.raises(DeclarationError, match=r"400 rows x 2 columns x 1,000 seeds = 800,000"):
        grid.plan(tables, many)


@pytest.mark.parametrize(
    "name", ["../../escaped", "t7$(touch X)", "a b", "", "t;ls", "-n", "tab\nle", 7]
)
def test_names_of_tables_are_plain(tmp_path, name):
    body = {"paper": "p", "tables": {name: {"title": "t"}}}
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(body))
    with pytest.raises(DeclarationError, match="expected a plain name"):
        table.load(path)


def test_a_message_says_the_line_of_the_value_and_the_cell_that_uses_it(declare, tmp_path):
    path = declare()
    (tmp_path / "mine.yaml").write_text(
        "title: t\nnote: n\nseeds: 1\nkinds:\n  train:\n    default:\n      lr: '0.1'\n"
    )
    with pytest.raises(DeclarationError) as caught:
        scale.load("mine", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}:7: ")
    expected = "lr: expected a number above 0 and at most 100, found the text '0.1'"
    assert expected in str(caught.value)
    with pytest.raises(DeclarationError) as caught:
        table.load(declare(colums=[]))
    number = next(i for i, line in enumerate(path.read_text().splitlines(), 1) if "colums" in line)
    assert f"paper.yaml:{number}: table7: no key 'colums'" in str(caught.value)
