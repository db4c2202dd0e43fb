"""Small text files: lists and tables of a dataset, with file and line in every error.

UTF-8 with or without a byte order mark, any line ends, blanks inside names.  All lists of all
layouts are read here.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mixlib.data.errors import DataError, existing, wrong

_OTHER_MARKS = (
    *((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32")),
    *((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")),
)


def read_text(path: Path, what: str = "a text file") -> str:
    """The text of a file, without its byte order mark.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is not UTF-8; says which encoding it seems to be, or the first wrong line.
    """
    content = existing(path, what).read_bytes()
    for mark, name in _OTHER_MARKS:
        if content.startswith(mark):
            raise wrong(path, f"{what} in UTF-8", name, "save it as UTF-8")
    if b"\0" in content[:1000]:
        raise wrong(path, f"{what} in UTF-8", "binary content or UTF-16", "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"the byte 0x{content[error.start]:02x}"
        raise wrong(path, f"{what} in UTF-8", byte, "save it as UTF-8", line=line) from None


@dataclass(slots=True, eq=False)
class Row:
    """One line of a table: its fields, and where it stands."""

    fields: tuple[str, ...]
    file: Path
    line: int

    def __getitem__(self, index: int) -> str:
        return self.fields[index]

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"

    def wrong(self, expected: str, found: object, remedy: str = "correct the line") -> DataError:
        """A DataError that names this line."""
        return wrong(self.file, expected, found, remedy, line=self.line)

    def number(self, index: int) -> float:
        """A field as a finite number."""
        try:
            value = float(self.fields[index])
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise self.wrong(f"a number in column {index + 1}", repr(self.fields[index]))
        return value

    def integer(self, index: int, least: int | None = None, most: int | None = None) -> int:
        """A field as a whole number, at least ``least`` and at most ``most``."""
        try:
            value: float = int(self.fields[index])
        except ValueError:
            value = self.number(index)
        low = least is not None and value < least
        if value != int(value) or low or (most is not None and value > most):
            span = "" if least is None else f" of at least {least}"
            span += "" if most is None else f" and at most {most}"
            raise self.wrong(
                f"a whole number{span} in column {index + 1}", repr(self.fields[index])
            )
        return int(value)


def read_table(
    path: Path,
    columns: int,
    what: str,
    *,
    separator: str | None = None,
    wide: int = -1,
    more: bool = False,
    unique: int | None = None,
) -> list[Row]:
    """The lines of a table, empty ones left out.

    Args:
        path: the file.
        columns: fields in a line.
        what: what it is, for messages.
        separator: what stands between fields; None: blanks.
        wide: the column that may hold the separator itself, 0 or -1 (the first or the last).
        more: whether further fields may follow, which are left out.
        unique: a column whose values may not come twice.

    Raises:
        MissingFileError: there is no such file.
        DataError: another encoding, another number of fields, or a value that comes twice.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "images.txt"
        >>> _ = path.write_text("1 a/my bird.jpg\\n2 b.jpg\\n")
        >>> [row.fields for row in read_table(path, 2, "a list of images")]
        [('1', 'a/my bird.jpg'), ('2', 'b.jpg')]
    """
    rows = []
    for number, line in enumerate(read_text(path, what).splitlines(), 1):
        if not line.strip():
            continue
        fields = _fields(line.strip(), separator, columns, wide, more)
        row = Row(tuple(fields), path, number)
        if len(fields) != columns:
            raise row.wrong(f"{columns} fields", repr(line.strip()))
        rows.append(row)
    if unique is not None:
        refuse_repeated(rows, unique)
    return rows


def read_list(path: Path, what: str, *, unique: bool = True) -> list[Row]:
    """The lines of a list, one name each; the whole line is the name."""
    return read_table(path, 1, what, unique=0 if unique else None)


def refuse_repeated(rows: Iterable[Row], column: int) -> None:
    """Raises DataError when a column's value comes twice; names both lines."""
    first: dict[str, int] = {}
    for row in rows:
        before = first.setdefault(row[column], row.line)
        if before != row.line:
            raise row.wrong(
                f"{row[column]!r} once", f"it in line {before}, too", "leave one of them out"
            )


def _fields(line: str, separator: str | None, columns: int, wide: int, more: bool) -> list[str]:
    if columns == 1 and not more:
        return [line]
    if more:
        fields = line.split(separator)[:columns]
    elif wide == -1:
        fields = line.split(separator, columns - 1)
    else:
        fields = line.rsplit(separator, columns - 1)
    return fields if separator is None else [field.strip() for field in fields]
