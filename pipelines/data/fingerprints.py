"""Fingerprints: the identity of a dataset's content, taken while a job graph is built.

Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mixlib.data.catalog.row import Dataset
from mixlib.data.imagenet100 import identity
from mixlib.data.shapes import scenes
from mixlib.data.shapes.scenes import Shapes
from pipelines.data.contents import content_digest, names_and_sizes
from pipelines.data.places import DATA, bases, folder_of
from pipelines.declare.errors import DeclarationError


def specify(row: Dataset, changes: Mapping[str, Any] | None = None) -> Shapes | None:
    """The specification of a generated set with some fields changed; None for a real set.

    Raises:
        DeclarationError: for changes to a real set, or an unknown field.
    """
    if row.spec is None:
        if changes:
            raise DeclarationError(
                f"{row.name} is not generated and takes no specification: {changes}"
            )
        return None
    known = {field.name for field in fields(Shapes)}
    if unknown := sorted(set(changes or {}) - known):
        raise DeclarationError(
            f"{row.name}: no field {unknown}; a specification has {sorted(known)}"
        )
    settings: dict[str, Any] = asdict(row.spec)
    for key, value in (changes or {}).items():
        settings[key] = _like(settings[key], value, f"{row.name}: {key}")
    return Shapes(**settings)


def fingerprint(row: Dataset, spec: Shapes | None = None, data: Path = DATA) -> str:
    """The identity of a dataset's content: '<name>-<16 hexadecimal digits>'.

    Generated sets: specification, layout and renderer revision. Official archives: name, revision
    and split sizes, so that a graph can be built where the data is absent; a part of one: its list
    of classes, too. Small sets: paths, sizes and bytes of the files found.

    Raises:
        MissingDataError: if a set whose files identify it is not there.
    """
    body: dict[str, Any] = {"name": row.name, "layout": row.layout, "revision": row.revision}
    if row.identity == "generated":
        body |= {"spec": asdict(spec or spec_of(row)), "renderer": scenes.REVISION}
    elif row.identity == "declared":
        body |= {"splits": row.splits}
    elif row.identity == "chosen":
        body |= {"splits": row.splits, "classes": _chosen(row, data)}
    else:
        folder = folder_of(row, data)
        body |= {"files": names_and_sizes(folder)}
        content = content_digest(folder, data)
        # an extract as it was published is known by its files' names and sizes; one with other
        # bytes, and every set that nobody published, by its content, too
        if content != row.content:
            body |= {"content": content}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return f"{row.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def spec_of(row: Dataset) -> Shapes:
    """The specification in the row of a generated set."""
    assert row.spec is not None, f"{row.name} is generated and needs a specification in its row"
    return row.spec


def _like(model: Any, value: Any, where: str) -> Any:
    """`value` in the types of `model`: declarations say 1 for 1.0, and have lists for pairs.

    Otherwise equal specifications would have two fingerprints.
    """
    if isinstance(model, tuple) and isinstance(value, list | tuple) and len(value) == len(model):
        return tuple(_like(m, v, where) for m, v in zip(model, value, strict=True))
    if type(model) is float and type(value) in (int, float):
        return float(value)
    if type(model) is not type(value) or isinstance(model, tuple):
        raise DeclarationError(f"{where}: expected a value like {model!r}, found {value!r}")
    return value


def _chosen(row: Dataset, data: Path) -> str:
    """Which classes of an official set are used, by the first base that holds its folder."""
    folders = [base / row.folder for base in bases(data).values()]
    return identity(next((folder for folder in folders if folder.is_dir()), folders[-1]))
