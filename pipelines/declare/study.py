"""Studies of one's own: what a declaration outside ``paper_tables/`` brings along besides tables.

    study: Which mixing helps on my images?
    seeds: 3
    plugins: [stripemix.py]
    datasets:
      mine: {path: imagefolder64, size: 64}
    tables:
      compare: ...

Datasets and methods become known to the catalogs of this process, so whoever plans or does a job
of a study admits it first.  Imports no torch and runs no file of the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mixlib.catalog.methods import register_file
from mixlib.core.module_file import search
from mixlib.data.catalog import OWN, Dataset, register
from mixlib.data.catalog.row import IMAGENET_MEAN, IMAGENET_STD
from pipelines.declare.errors import DeclarationError
from pipelines.declare.mapping import place_of
from pipelines.declare.schema import FILE
from pipelines.declare.values import check_fields
from pipelines.declare.yaml_file import read_yaml

SCALE = "own"
"""The name of the scale at which a study is planned: as it is declared."""
SIZE = 224
"""Side of the images of a dataset that does not say it."""


def admit_folder(folder: Path) -> None:
    """Makes the datasets, methods and modules of every declaration of a folder known.

    A declaration that cannot be used is passed over: planning its tables says why.
    """
    for path in sorted(folder.glob("*.yaml")):
        try:
            body = read_yaml(path, tuple(FILE), ())
            check_fields(str(path), body, FILE, "key")
            admit(path, body)
        except DeclarationError:
            continue


def admit_plugins(files: Iterable[Path]) -> None:
    """Makes the methods of these files known.

    Raises:
        DeclarationError: names the file, and what is wrong with it.
    """
    for path in files:
        _plugin("--plugin", path)


def admit(path: Path, body: Mapping[str, Any]) -> None:
    """Makes the datasets and methods of one declaration known; modules beside it can be imported.

    Args:
        path: of the declaration.
        body: what it says, checked.

    Raises:
        DeclarationError: a name is taken, or a plugin cannot be used.
    """
    if "study" not in body:
        return
    search(path.parent)
    for word in body.get("plugins", ()):
        _plugin(f"{place_of(str(path), body, 'plugins')}: plugins", path.parent / word)
    datasets = body.get("datasets", {})
    for name, spec in datasets.items():
        try:
            register(dataset(name, spec, path.parent))
        except ValueError as error:
            where = place_of(f"{path}: datasets", datasets, name)
            raise DeclarationError(f"{where}: {error}") from None


def _plugin(where: str, path: Path) -> None:
    try:
        register_file(path)
    except (LookupError, ValueError, SyntaxError) as error:
        raise DeclarationError(f"{where}: {error}") from None


def dataset(name: str, spec: Mapping[str, Any], folder: Path) -> Dataset:
    """The catalog row of a folder of images; its classes are those found on disk.

    Args:
        name: the word of the declaration.
        spec: its fields, see :data:`pipelines.declare.schema.DATASET`.
        folder: of the declaration: a path that exists there is meant; others lie below MIX_DATA or
            data/.

    Raises:
        ValueError: no training image would be left.
    """
    used, held_out = spec.get("train_images", 0), spec.get("held_out", 0)
    if used and held_out >= used:
        raise ValueError(
            f"held_out: expected fewer than its train_images, {used}, found {held_out}"
        )
    path = Path(spec["path"]).expanduser()
    here = folder / path
    where = str(here.resolve()) if here.is_dir() else str(path)
    train, test = spec.get("splits", ("train", "val"))
    return Dataset(
        name=name,
        title=spec.get("title", name),
        family=spec.get("family", "default"),
        layout="imagefolder",
        classes=0,
        size=spec.get("size", SIZE),
        splits=((train, 0), (test, 0)),
        citation=OWN,
        folder=where,
        needs=((train, 0), (test, 0)),
        how=f"put your images into {where}/{train}/<class>/* and {where}/{test}/<class>/*, or "
        "correct its path",
        identity="measured",
        mean=tuple(spec.get("mean", IMAGENET_MEAN)),
        std=tuple(spec.get("std", IMAGENET_STD)),
        train_images=used,
        held_out=held_out,
    )
