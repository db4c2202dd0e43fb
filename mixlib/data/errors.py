"""Errors of data: what a file had to hold, what it holds, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class DataError(ValueError):
    """Data that is not what its format promises.

    Args:
        message: the whole message; see :func:`wrong` for the usual form.
        file: where the fault lies, where it lies in a file.
        line: number of the line, from 1.

    Example:
        >>> raise wrong("a.csv", "a number", "'x'", "correct the line", line=3)
        Traceback (most recent call last):
        ...
        mixlib.data.errors.DataError: a.csv, line 3: expected a number, found 'x': correct the line
    """

    def __init__(
        self, message: str, file: str | Path | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.file, self.line = file, line


class MissingFileError(DataError, FileNotFoundError):
    """A file or folder of a dataset that is not there."""


def wrong(
    file: str | Path,
    expected: str,
    found: object,
    remedy: str,
    *,
    line: int | None = None,
    part: str = "",
) -> DataError:
    """A DataError that names the file, what was expected there, what was found and what to do.

    Args:
        file: the file, or the folder.
        expected, found, remedy: parts of the sentence.
        line: number of the line, from 1.
        part: which part of the file, e.g. "annotations[3]".
    """
    where = f"{file}" + (f", line {line}" if line else "") + (f", {part}" if part else "")
    return DataError(f"{where}: expected {expected}, found {found}: {remedy}", file, line)


def missing(path: str | Path, what: str, remedy: str = "") -> MissingFileError:
    """The error of an absent file, with the advice of how to get the dataset."""
    remedy = remedy or (
        "check that the dataset is complete and that MIX_DATA names the folder that holds it "
        "(`python -m pipelines.data.datasets list` says how to get it)"
    )
    return MissingFileError(
        f"{path} is missing: expected {what} there, found nothing: {remedy}", path
    )


def existing(path: Path, what: str) -> Path:
    """The path itself.

    Raises:
        MissingFileError: nothing is there.
    """
    if not path.exists():
        raise missing(path, what)
    return path
