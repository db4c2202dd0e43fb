"""YAML files: unique keys, lines, numbers as people write them, and one line for what is broken."""

from __future__ import annotations

import pytest

from pipelines.declare.errors import DeclarationError
from pipelines.declare.yaml_file import read_yaml


def read(tmp_path, text, known=("a", "b", "c"), required=()):
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, known, required)


def test_keys_know_their_lines(tmp_path):
    body = read(tmp_path, "a: 1\n\nb:\n  d: 2\n  e: [3]\n")
    path = tmp_path / "x.yaml"
    assert body.origins == {"a": f"{path}:1", "b": f"{path}:3"}
    assert body["b"].origins == {"d": f"{path}:4", "e": f"{path}:5"}
    assert body == {"a": 1, "b": {"d": 2, "e": [3]}}


def test_merged_keys_work(tmp_path):
    body = read(tmp_path, "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")
    assert body["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "value"), [("5e-4", 5e-4), ("1E5", 1e5), ("-2e+3", -2000.0), ("5.0e-4", 5e-4)]
)
def test_numbers_without_a_point_are_numbers(tmp_path, text, value):
    assert read(tmp_path, f"a: {text}")["a"] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", r"x\.yaml:2: the key 'a' is already given in line 1"),
        ("b:\n  c: 1\n  c: 1\n", r"x\.yaml:3: the key 'c' is already given in line 2"),
        ("a: [", "not valid YAML"),
        ("- a\n", "expected a mapping"),
        ("", "expected a mapping"),
        ("d: 1", r"x\.yaml:1: no key 'd'"),
        ("? [1, 2]\n: 3\n", "expected a name as key"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("a: &a [*a]", "expected at most 20 levels"),
        ("a: 2021-13-45", "a value that cannot be read|month"),
        ("a: " + "[" * 400 + "]" * 400, "levels"),
        (b"a: \xff\xfe", "expected UTF-8"),
        ("a: 1\n---\na: 2\n", "not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_what_is_broken_is_one_line(tmp_path, text, message):
    with pytest.raises(DeclarationError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "x.yaml" in str(caught.value)


def test_an_alias_bomb_is_refused(tmp_path):
    lines = ["a: &x0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"k{i}: &x{i} [{','.join([f'*x{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(DeclarationError, match="found more"):
        read(tmp_path, "\n".join(lines), ("a", *(f"k{i}" for i in range(9))))


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(DeclarationError, match="the key 'b' is missing"):
        read(tmp_path, "a: 1", required=("b",))
