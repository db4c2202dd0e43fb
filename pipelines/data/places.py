"""Folders of the datasets on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixlib.data.catalog import DATASETS
from mixlib.data.catalog.row import Archive, Dataset
from pipelines.data.contents import content_digest

DATA = Path("data")
"""Downloads, generated sets and ready files; relative to the repository, where jobs run."""


KEYS = frozenset(("name", "fingerprint", "base", "root", "splits", "classes", "spec"))
"""What every ready file says."""


class MissingDataError(FileNotFoundError):
    """A dataset is not on this machine; the message says where it was looked for and how to get
    it.
    """


ANYWHERE = "anywhere"
"""The word for a folder that a declaration names by its whole path."""


def bases(data: Path = DATA) -> dict[str, Path]:
    """Where datasets are looked for, in this order: word -> folder."""
    named = os.environ.get("MIX_DATA")
    return ({"MIX_DATA": Path(named)} if named else {}) | {"data": data}


def base_of(word: str, data: Path = DATA) -> Path:
    """The folder of a word that a ready file holds.

    Example:
        >>> base_of("data"), base_of("anywhere")
        (PosixPath('data'), PosixPath('/'))
    """
    return (bases(data) | {ANYWHERE: Path("/")}).get(word, Path("MIX_DATA-is-not-set"))


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
    advice = f"run `python -m pipelines.run SCALE --data {mark}` (SCALE as the job's)"
    if not path.exists():
        raise MissingDataError(f"{path} is missing: {advice} first")
    try:
        entry = json.loads(path.read_text())
        if entry.keys() >= KEYS:
            return dict(entry)
    except (ValueError, AttributeError):
        pass
    raise MissingDataError(f"{path} is damaged: {advice} again")


def locate(mark: str, data: Path = DATA) -> Path:
    """The folder, in the layout of its row, of the prepared dataset with fingerprint `mark`.

    Raises:
        MissingDataError: it was not prepared, went away, or holds other files than were prepared
            (official archives are not read again).
    """
    entry = manifest(mark, data)
    folder = base_of(entry["base"], data) / entry["root"]
    if not folder.is_dir():
        raise MissingDataError(
            f"{mark} was prepared in {folder}, which is no longer there; set MIX_DATA as it "
            f"was, or delete {ready_path(mark, data)} and prepare it again"
        )
    content = entry.get("content")
    if content and content_digest(whole_folder(entry, data), data) != content:
        spec = f" --spec '{json.dumps(entry['spec'])}'" if entry.get("spec") else ""
        known = entry["name"] in DATASETS and not DATASETS[entry["name"]].own
        prepare = f"run `python -m pipelines.data.datasets prepare {entry['name']}{spec}`"
        raise MissingDataError(
            f"{folder} no longer holds the files that were prepared: a file is missing or has "
            f"changed; {prepare if known else 'start the command that planned this again'}"
        )
    return folder


def whole_folder(entry: Mapping[str, Any], data: Path = DATA) -> Path:
    """The folder that a ready file vouches for: a generated set's with all that was drawn."""
    if entry["spec"]:
        return data / "generated" / str(entry["fingerprint"])
    return base_of(entry["base"], data) / str(entry["root"])


def whereabouts(row: Dataset, data: Path = DATA) -> str:
    """One line for people: where a dataset is, or what was looked for and how to get it."""
    if row.identity == "generated":
        return f"draw {row.title}"
    try:
        word, folder = find(row, data)
    except MissingDataError as error:
        return f"{error} (this step does)" if row.archives else str(error)
    return f"{row.title}: found in {folder} ({word}); count it"


def unpacking_mark(archive: Archive, data: Path = DATA) -> Path:
    """The file that exists while an archive is being unpacked, and after a kill in between."""
    return data / "downloads" / f".{archive.file}.unpacking"


def find(row: Dataset, data: Path = DATA) -> tuple[str, Path]:
    """(word of `bases`, folder) of a real dataset; raises MissingDataError as `folder_of`."""
    tried = []
    whole = Path(row.folder).is_absolute()
    for word, base in ({ANYWHERE: Path("/")} if whole else bases(data)).items():
        folder = base / row.folder
        lacking = [
            path + (f" (at least {least:,} bytes)" if least else "")
            for path, least in row.needs
            if not (folder / path).exists() or (least and (folder / path).stat().st_size < least)
        ]
        lacking += [
            f"the rest of {archive.file} (its unpacking was interrupted)"
            for archive in row.archives
            if word == "data" and unpacking_mark(archive, base).exists()
        ]
        if not lacking:
            return word, folder
        tried.append(f"  {word} ({folder}): lacks {', '.join(lacking)}")
    get = row.how or f"run `python -m pipelines.data fetch {row.name}`"
    raise MissingDataError(f"{row.title} is not here. Looked in\n" + "\n".join(tried) + f"\n{get}")
