"""Folders of the datasets on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mixlib.data.catalog.row import Dataset

DATA = Path("data")
"""Downloads, generated sets and ready files; relative to the repository, where jobs run."""


class MissingDataError(FileNotFoundError):
    """A dataset is not on this machine; the message says where it was looked for and how to get
    it.
    """


def bases(data: Path = DATA) -> dict[str, Path]:
    """Where datasets are looked for, in this order: word -> folder."""
    named = os.environ.get("MIX_DATA")
    return ({"MIX_DATA": Path(named)} if named else {}) | {"data": data}


def folder_of(row: Dataset, data: Path = DATA) -> Path:
    """The folder of a real dataset.

    Raises:
        MissingDataError: naming the files that were looked for, and how to get the set.
    """
    return find(row, data)[1]


def ready_path(mark: str, data: Path = DATA) -> Path:
    """The file that exists once the dataset with fingerprint `mark` is ready."""
    return data / "ready" / f"{mark}.json"


def manifest(mark: str, data: Path = DATA) -> dict[str, Any]:
    """What the ready file says: name, layout, base, root, splits, classes.

    Raises:
        MissingDataError: if the set was not prepared.
    """
    path = ready_path(mark, data)
    if not path.exists():
        name = mark.rsplit("-", 1)[0]
        raise MissingDataError(
            f"{path} is missing: run `python -m pipelines.data prepare {name}` (with the same "
            "specification) first"
        )
    return dict(json.loads(path.read_text()))


def locate(mark: str, data: Path = DATA) -> Path:
    """The folder, in the layout of its row, of the prepared dataset with fingerprint `mark`."""
    entry = manifest(mark, data)
    folder = bases(data).get(entry["base"], Path("MIX_DATA-is-not-set")) / entry["root"]
    if not folder.is_dir():
        raise MissingDataError(
            f"{mark} was prepared in {folder}, which is no longer there; set MIX_DATA as it "
            f"was, or delete {ready_path(mark, data)} and prepare it again"
        )
    return folder


def sought(row: Dataset, data: Path = DATA) -> str:
    """One line for people: where a dataset is, or what was looked for and how to get it."""
    if row.identity == "generated":
        return f"draw {row.title}"
    try:
        word, folder = find(row, data)
    except MissingDataError as error:
        return f"{error} (this step does)" if row.archives else str(error)
    return f"{row.title}: found in {folder} ({word}); count it"


def find(row: Dataset, data: Path = DATA) -> tuple[str, Path]:
    """(word of `bases`, folder) of a real dataset; raises MissingDataError as `folder_of`."""
    tried = []
    for word, base in bases(data).items():
        folder = base / row.folder
        lacking = [
            path + (f" (at least {least:,} bytes)" if least else "")
            for path, least in row.needs
            if not (folder / path).exists() or (least and (folder / path).stat().st_size < least)
        ]
        if not lacking:
            return word, folder
        tried.append(f"  {word} ({folder}): lacks {', '.join(lacking)}")
    get = row.how or f"run `python -m pipelines.data fetch {row.name}`"
    raise MissingDataError(f"{row.title} is not here. Looked in\n" + "\n".join(tried) + f"\n{get}")
