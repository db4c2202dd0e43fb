"""Datasets on this machine: fetched, verified, prepared, and identified by their content.

`python -m pipelines.data list | fetch NAME | verify NAME | prepare NAME`. A dataset is looked
for in the folder that the environment variable MIX_DATA names, then in data/. `prepare` ends with
data/ready/<fingerprint>.json, the file that other jobs depend on. Nothing here imports torch: the
fingerprints are taken while a job graph is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from mixlib.data.catalog import DATASETS, dataset
from mixlib.data.catalog.row import Dataset
from mixlib.data.imagenet100 import identity
from mixlib.data.shapes import scenes
from mixlib.data.shapes.scenes import Shapes
from pipelines.data.places import DATA, MissingDataError, bases, find, folder_of, locate, ready_path


def specify(row: Dataset, changes: Mapping[str, Any] | None = None) -> Shapes | None:
    """The specification of a generated set with some fields changed; None for a real set.

    Raises:
        ValueError: for changes to a real set, or an unknown field.
    """
    if row.spec is None:
        if changes:
            raise ValueError(f"{row.name} is not generated and takes no specification: {changes}")
        return None
    known = {field.name for field in fields(Shapes)}
    if unknown := sorted(set(changes or {}) - known):
        raise ValueError(f"{row.name}: no field {unknown}; a specification has {sorted(known)}")
    settings: dict[str, Any] = asdict(row.spec)
    for key, value in (changes or {}).items():
        settings[key] = _like(settings[key], value, f"{row.name}: {key}")
    return Shapes(**settings)


def fingerprint(row: Dataset, spec: Shapes | None = None, data: Path = DATA) -> str:
    """The identity of a dataset's content: '<name>-<16 hexadecimal digits>'.

    Generated sets: specification, layout and renderer revision. Official archives: name, revision
    and split sizes, so that a graph can be built where the data is absent; a part of one: its list
    of classes, too. Small sets: paths and sizes of the files found.

    Raises:
        MissingDataError: if a set whose files identify it is not there.
    """
    body: dict[str, Any] = {"name": row.name, "layout": row.layout, "revision": row.revision}
    if row.identity == "generated":
        body |= {"spec": asdict(spec or _spec(row)), "renderer": scenes.REVISION}
    elif row.identity == "declared":
        body |= {"splits": row.splits}
    elif row.identity == "chosen":
        body |= {"splits": row.splits, "classes": _chosen(row, data)}
    else:
        body |= {"files": _measure(folder_of(row, data))}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return f"{row.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def prepare(row: Dataset, spec: Shapes | None = None, data: Path = DATA) -> Path:
    """Draws a generated set, or checks a real one, and writes its ready file; returns its path.

    Idempotent, and safe beside another process doing the same: folders and files appear by
    renaming.
    """
    from mixlib.data.split_sizes import take

    mark = fingerprint(row, spec, data)
    ready = ready_path(mark, data)
    if ready.exists():
        try:
            locate(mark, data)
            return ready
        except MissingDataError:
            pass  # the folder went away: make it again
    if row.identity == "generated":
        base, root = "data", Path("generated") / mark / row.folder
        _draw(row, spec or _spec(row), data / "generated" / mark)
    else:
        base, found = find(row, data)
        root = found.relative_to(bases(data)[base])
    counts, classes = take(row, bases(data)[base] / root)
    expected = {split: (_size(row, spec, split) or counts[split]) for split in counts}
    if counts != expected:
        raise ValueError(f"{row.name}: expected the splits {expected}, found {counts} in {root}")
    entry = {
        "name": row.name,
        "fingerprint": mark,
        "layout": row.layout,
        "base": base,
        "root": root.as_posix(),
        "splits": counts,
        "classes": list(classes),
        "spec": asdict(spec or _spec(row)) if row.identity == "generated" else None,
    }
    _write(ready, json.dumps(entry, indent=1) + "\n")
    return ready


def _like(model: Any, value: Any, where: str) -> Any:
    """`value` in the types of `model`: declarations say 1 for 1.0, and have lists for pairs.

    Otherwise equal specifications would have two fingerprints.
    """
    if isinstance(model, tuple) and isinstance(value, list | tuple) and len(value) == len(model):
        return tuple(_like(m, v, where) for m, v in zip(model, value, strict=True))
    if type(model) is float and type(value) in (int, float):
        return float(value)
    if type(model) is not type(value) or isinstance(model, tuple):
        raise ValueError(f"{where}: expected a value like {model!r}, found {value!r}")
    return value


def _spec(row: Dataset) -> Shapes:
    assert row.spec is not None, f"{row.name} is generated and needs a specification in its row"
    return row.spec


def _chosen(row: Dataset, data: Path) -> str:
    """Which classes of an official set are used, by the first base that holds its folder."""
    folders = [base / row.folder for base in bases(data).values()]
    return identity(next((folder for folder in folders if folder.is_dir()), folders[-1]))


def _size(row: Dataset, spec: Shapes | None, split: str) -> int:
    """Images that `split` must hold; 0 = any number."""
    if row.identity != "generated":
        return 0 if row.identity == "measured" else row.count(split)
    kind = "train" if split.startswith("train") else "val" if split.startswith("val") else "test"
    # The test split of the VOC layout is drawn from the specification's val images.
    return (spec or _spec(row)).count("val" if split == "test2007" else kind)


def _measure(folder: Path) -> str:
    """SHA-256 over the sorted (relative path, size) of all files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        line = f"{path.relative_to(folder).as_posix()}\t{path.stat().st_size}\n"
        digest.update(line.encode())
    return digest.hexdigest()


def _draw(row: Dataset, spec: Shapes, target: Path) -> None:
    """Writes the generated set into `target`, which appears complete or not at all."""
    from mixlib.data.shapes.layouts import WRITERS

    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        WRITERS[row.layout](spec, part)
        part.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        part.rename(target)
    except OSError:
        # Another process finished first: a folder cannot be renamed onto one that holds files.
        if not target.exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


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
        sizes = " + ".join(f"{count:,} {split}" for split, count in row.splits)
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
    from mixlib.data.split_sizes import take

    row = dataset(name)
    folder = locate(fingerprint(row)) if row.identity == "generated" else folder_of(row)
    counts, classes = take(row, folder)
    wrong = {s: n for s, n in counts.items() if row.count(s) and row.count(s) != n}
    typer.echo(f"{row.title}: {counts}, {len(classes)} classes, in {folder}")
    if wrong or (row.classes and len(classes) != row.classes):
        raise ValueError(f"expected {dict(row.splits)} and {row.classes} classes")


@app.command(name="prepare")
def make(
    name: Name,
    spec: Annotated[str, typer.Option(help="changed fields of a generated set, as JSON")] = "{}",
) -> None:
    """Draw a generated set, or check a real one, and write data/ready/<fingerprint>.json."""
    row = dataset(name)
    typer.echo(prepare(row, specify(row, json.loads(spec))))


def main() -> None:
    """The command line; an expected failure is one message and exit status 1."""
    try:
        app(standalone_mode=True)
    except (MissingDataError, KeyError, ValueError, OSError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        typer.secho(str(message), err=True, fg=typer.colors.RED)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
