"""Small text files: fields, numbers and repetitions, with file and line in every error."""

from __future__ import annotations

import re

import pytest

from mixlib.data.errors import DataError, MissingFileError
from mixlib.data.text_files import read_list, read_table, read_text


@pytest.fixture
def write(tmp_path):
    def make(content):
        path = tmp_path / "list.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1 a b.jpg\n", {}, [("1", "a b.jpg")]),
        ("a b.jpg,1\n", {"separator": ",", "wide": 0}, [("a b.jpg", "1")]),
        ("a,b.jpg , 1\n", {"separator": ",", "wide": 0}, [("a,b.jpg", "1")]),
        ("a b.jpg  1\n", {"wide": 0}, [("a b.jpg", "1")]),
        ("a b.jpg\tn1\t0\t0\n", {"separator": "\t", "more": True}, [("a b.jpg", "n1")]),
        ("\n  1   x \r\n\r\n2 y", {}, [("1", "x"), ("2", "y")]),
    ],
)
def test_fields(write, text, options, expected):
    assert [row.fields for row in read_table(write(text), 2, "a list", **options)] == expected


def test_lines_keep_their_numbers(write):
    rows = read_list(write("a\n\nb c\n"), "a list")
    assert [(row[0], row.line) for row in rows] == [("a", 1), ("b c", 3)]


@pytest.mark.parametrize("text", ["1,5", "x", "nan", "inf", "1.5", "", "1e400"])
def test_what_is_no_whole_number_is_named(write, text):
    path = write(f"\na;{text}\n")
    row = read_table(path, 2, "a list", separator=";")[0]
    with pytest.raises(DataError, match=rf"{re.escape(str(path))}, line 2: expected a .*number"):
        row.integer(1)


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("7.0", 7), ("-3", -3), (" 4 ", 4)])
def test_whole_numbers(write, text, value):
    assert read_table(write(f"a;{text}"), 2, "a list", separator=";")[0].integer(1) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfea\0", "found UTF-16: save it as UTF-8"),
        (b"\xfe\xff\0a", "found UTF-16"),
        (b"\xff\xfe\0\0a\0\0\0", "found UTF-32"),
        (b"a\0b\0", "binary content or UTF-16"),
        (b"ok\nb\xe4r\n", "line 2: expected a list in UTF-8, found the byte 0xe4"),
    ],
)
def test_other_encodings(write, content, message):
    with pytest.raises(DataError, match=rf"list\.txt.*{message}"):
        read_text(write(content), "a list")


def test_repetitions_and_absence(write, tmp_path):
    with pytest.raises(DataError, match="line 3: expected 'a' once, found it in line 1, too"):
        read_list(write("a\nb\na\n"), "a list")
    with pytest.raises(MissingFileError, match=r"absent\.txt is missing: expected a list"):
        read_list(tmp_path / "absent.txt", "a list")
