"""Datasets on this machine: fetched, verified, prepared, and identified by their content.

`python -m pipelines.data list | fetch NAME | verify NAME | prepare NAME`. A dataset is looked
for in the folder that the environment variable MIX_DATA names, then in data/. `prepare` ends with
data/ready/<fingerprint>.json, the file that other jobs depend on.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mixlib.data.catalog import DATASETS, dataset
from mixlib.data.catalog.row import Dataset
from mixlib.data.errors import DataError, wrong
from mixlib.data.shapes.scenes import Shapes
from mixlib.data.split_sizes import Inventory
from mixlib.whole_files import write_whole
from pipelines.command_line import run_app
from pipelines.data.contents import content_digest, progress
from pipelines.data.fingerprints import fingerprint, spec_of, specify
from pipelines.data.places import (
    DATA,
    MissingDataError,
    base_of,
    find,
    folder_of,
    locate,
    manifest,
    ready_path,
    whole_folder,
)
from pipelines.declare.errors import DeclarationError


def prepare(row: Dataset, spec: Shapes | None = None, data: Path = DATA) -> Path:
    """Draws a generated set, or checks a real one, and writes its ready file; returns its path.

    Idempotent, and safe beside another process doing the same: folders and files appear by
    renaming.  A set that lost a file, or was changed, is drawn or checked again.

    Raises:
        MissingDataError: a real set is not there.
        DataError: its files are not what they have to be; names the file, or the split's size.
    """
    sweep(data / "generated")
    mark = fingerprint(row, spec, data)
    ready = ready_path(mark, data)
    if ready.exists():
        try:
            locate(mark, data)
            return ready
        except MissingDataError as error:
            print(f"{row.title}: prepared again ({error})", file=sys.stderr)
    drawn = row.identity == "generated"
    if drawn:
        base, root = "data", Path("generated") / mark / row.folder
        _draw(row, spec or spec_of(row), mark, data)
    else:
        base, folder = find(row, data)
        root = folder.relative_to(base_of(base, data))
    folder = base_of(base, data) / root
    found = _checked(row, spec, folder)
    for note in found.notes:
        print(note, file=sys.stderr)
    entry: dict[str, Any] = {
        "name": row.name,
        "fingerprint": mark,
        "layout": row.layout,
        "base": base,
        "root": root.as_posix(),
        "splits": found.splits,
        "classes": list(found.classes),
        "spec": asdict(spec or spec_of(row)) if drawn else None,
        "notes": list(found.notes),
    }
    if not row.official:
        entry["content"] = content_digest(whole_folder(entry, data), data)
    write_whole(ready, json.dumps(entry, indent=1) + "\n")
    return ready


def _checked(row: Dataset, spec: Shapes | None, folder: Path) -> Inventory:
    """What the folder holds, after every image and annotation was looked at."""
    # torch takes seconds to load, and most commands here read no image
    from pipelines.data.inspect_dataset import inspect_images, inventory

    found = inventory(row, folder)
    expected = {split: (_size(row, spec, split) or found.splits[split]) for split in found.splits}
    if found.splits != expected:
        remedy = "unpack the archive again, or use the row of an extract"
        raise wrong(folder, f"the splits {expected}", f"{found.splits}", remedy)
    counted = row.identity in ("declared", "measured") and row.classes
    if counted and len(found.classes) != row.classes:
        raise wrong(folder, f"{row.classes} classes", f"{len(found.classes)}", "see its archive")
    inspect_images(row, folder, found.classes, progress(f"check {row.name}"))
    return found


def _known_content(mark: str, data: Path) -> str | None:
    """The content of a generated set as it was when it was drawn, where that is known."""
    try:
        return manifest(mark, data).get("content")
    except MissingDataError:
        return None


def _size(row: Dataset, spec: Shapes | None, split: str) -> int:
    """Images that `split` must hold; 0 = any number."""
    if row.identity != "generated":
        return 0 if row.identity == "measured" else row.count(split)
    kind = "train" if split.startswith("train") else "val" if split.startswith("val") else "test"
    # The test split of the VOC layout is drawn from the specification's val images.
    return (spec or spec_of(row)).count("val" if split == "test2007" else kind)


def _draw(row: Dataset, spec: Shapes, mark: str, data: Path) -> None:
    """Writes the generated set into data/generated/`mark`, which appears complete or not at all.

    A folder that is there stays, unless it is known to have had another content.
    """
    from pipelines.data.draw import writer

    target, content = data / "generated" / mark, _known_content(mark, data)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and (content is None or content_digest(target, data) == content):
        return
    part = Path(tempfile.mkdtemp(prefix=own_prefix(target.name), dir=target.parent))
    try:
        writer(row)(spec, part)
        part.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        if target.exists() and content:
            target.rename(part.with_name(part.name + ".damaged"))
        part.rename(target)
    except OSError:
        # Another process finished first: a folder cannot be renamed onto one that holds files.
        if not target.exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(part.with_name(part.name + ".damaged"), ignore_errors=True)


def own_prefix(name: str) -> str:
    """Beginning of the name of this process's unfinished folder; see :func:`sweep`."""
    return f".{name}.{socket.gethostname()}.{os.getpid()}."


def sweep(folder: Path) -> None:
    """Removes unfinished folders of processes of this machine that are no longer alive."""
    for left in folder.glob(f".*.{socket.gethostname()}.*"):
        process = left.name.split(f".{socket.gethostname()}.")[-1].split(".")[0]
        if process.isdigit() and not _alive(int(process)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def provide(row: Dataset, spec: Shapes | None = None, data: Path = DATA) -> Path:
    """Makes a dataset ready, downloading it first where it is missing and has a public archive.

    Raises:
        MissingDataError: it is not here and cannot be fetched; says how to get it.
    """
    if row.identity == "declared" and row.archives:
        try:
            find(row, data)
        except MissingDataError:
            download(row, data)
    return prepare(row, spec, data)


def download(row: Dataset, data: Path = DATA, keep: bool = False) -> None:
    """Fetches, checks and unpacks every official archive of a dataset."""
    from pipelines.data.download import obtain

    for archive in row.archives:
        obtain(archive, data, keep)


app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
Name = Annotated[str, typer.Argument(help="a dataset's name; `list` shows them")]


@app.command(name="list")
def show() -> None:
    """List the datasets, where they are, and how to get those that are not."""
    for row in DATASETS.values():
        if row.identity == "generated":
            state = f"generated by `prepare {row.name}`"
        else:
            try:
                word, folder = find(row, DATA)
                state = f"in {folder} ({word})"
            except MissingDataError:
                state = row.how or f"fetch {row.name}"
        # of some sets the catalog knows no number
        sizes = " + ".join(f"{count:,} {split}" if count else split for split, count in row.splits)
        typer.echo(f"{row.name:20} {row.title:28} {sizes:36} {state}")


@app.command()
def fetch(name: Name, keep: bool = False) -> None:
    """Download an official archive, check it and unpack it into data/. --keep keeps the archive."""
    row = dataset(name)
    if row.identity == "generated":
        typer.echo(row.how)
        return
    try:
        typer.echo(f"{row.title} is already in {folder_of(row)}")
    except MissingDataError:
        if not row.archives:
            raise
        download(row, DATA, keep)
        typer.echo(f"{row.title} is in {folder_of(row)}")


@app.command()
def verify(name: Name) -> None:
    """Count the images of a dataset's splits and compare them with the catalog."""
    from pipelines.data.inspect_dataset import inventory

    row = dataset(name)
    folder = locate(fingerprint(row)) if row.identity == "generated" else folder_of(row)
    found = inventory(row, folder)
    counts, classes = found.splits, found.classes
    other = {s: n for s, n in counts.items() if row.count(s) and row.count(s) != n}
    typer.echo(f"{row.title}: {counts}, {len(classes)} classes, in {folder}")
    for note in found.notes:
        typer.echo(note)
    if other or (row.classes and len(classes) != row.classes):
        raise DataError(f"expected {dict(row.splits)} and {row.classes} classes")


@app.command(name="prepare")
def make(
    name: Name,
    spec: Annotated[str, typer.Option(help="changed fields of a generated set, as JSON")] = "{}",
) -> None:
    """Draw a generated set, or check a real one, and write data/ready/<fingerprint>.json."""
    row = dataset(name)
    try:
        changes = json.loads(spec)
    except json.JSONDecodeError as error:
        raise DeclarationError(f"--spec: expected JSON, found {spec!r} ({error})") from None
    if not isinstance(changes, dict):
        raise DeclarationError(f"--spec: expected an object with fields, found {spec!r}")
    typer.echo(prepare(row, specify(row, changes)))


if __name__ == "__main__":
    run_app(app)
