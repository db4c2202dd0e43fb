"""JSON is not trusted in type: the first wrong record is named, whatever is wrong with it."""

from __future__ import annotations

import copy
import json

import pytest

from mixlib.data.errors import DataError
from mixlib.data.readers.coco import read_instances

DOCUMENT = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 40, "height": 30.0},
        {"id": 2, "file_name": "b.jpg", "width": 40, "height": 30},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10, 5], "iscrowd": 0, "area": 9},
        {"id": 2, "image_id": 2, "category_id": 5, "bbox": [1, 2, 10.5, 4], "area": None},
    ],
    "categories": [{"id": 5, "name": "cup"}, {"id": 3, "name": "pen"}],
}


def read(tmp_path, document):
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))
    return read_instances(path)


def test_a_good_document(tmp_path):
    found = read(tmp_path, DOCUMENT)
    assert found.names == ("pen", "cup")
    assert [mark["area"] for marks in found.objects.values() for mark in marks] == [9, 42]
    assert [image["height"] for image in found.images] == [30, 30]
    assert not found.objects[2][0]["iscrowd"]


ABSENT = object()
WRONG = {
    ("images", "id"): [None, "1", 2, 1.5, True, [1], ABSENT, ""],
    ("images", "file_name"): [None, 3, "", ABSENT],
    ("images", "width"): [None, "40", 0, -1, 40.5, True, ABSENT, [40]],
    ("images", "height"): ["30", float("nan"), float("inf"), {}],
    ("annotations", "image_id"): [9, None, "1", ABSENT, [1]],
    ("annotations", "category_id"): [4, None, "3", ABSENT, [3]],
    ("annotations", "bbox"): [
        *([], None, [1, 2, None, 4], ["1", "2", "3", "4"], [1, 2, 3], [1, 2, 3, 4, 5]),
        *([1, 2, -3, 4], [1, 2, 3, float("nan")], "1 2 3 4", {}, ABSENT, [True, 2, 3, 4]),
    ],
    ("annotations", "iscrowd"): ["0", "1", 2, 0.5, [], "false"],
    ("annotations", "area"): ["33", -1, float("inf"), [], True],
    ("categories", "id"): [3, None, "5", ABSENT, 5.5],
    ("categories", "name"): [None, "", 7, "pen", ABSENT],
}
CASES = [(key, name, value) for (key, name), values in WRONG.items() for value in values]


@pytest.mark.parametrize(
    ("key", "name", "value"), CASES, ids=lambda v: "absent" if v is ABSENT else None
)
def test_a_wrong_value_names_file_record_and_field(tmp_path, key, name, value):
    document = copy.deepcopy(DOCUMENT)
    if value is ABSENT:
        del document[key][0][name]
    else:
        document[key][0][name] = value
    # an id that changes is found where it is pointed at; NaN where the file is parsed
    with pytest.raises(
        DataError, match=r"instances\.json, (\w+\[\d\]): expected|expected finite numbers"
    ):
        read(tmp_path, document)


@pytest.mark.parametrize("key", list(DOCUMENT))
@pytest.mark.parametrize("value", [None, {}, "text", 3, [3], [None], [[]], ABSENT])
def test_a_list_of_another_kind_is_named(tmp_path, key, value):
    document = {k: v for k, v in DOCUMENT.items() if k != key}
    if value is not ABSENT:
        document[key] = value
    with pytest.raises(DataError, match=key):
        read(tmp_path, document)


@pytest.mark.parametrize("text", ["", "[]", "null", "3", "<html>", '{"images": [', "[" * 100_000])
def test_no_object_is_said(tmp_path, text):
    path = tmp_path / "instances.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"instances\.json.*: expected"):
        read_instances(path)
