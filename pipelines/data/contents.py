"""Content of a folder as a digest, taken again only when a file's size or time changes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mixlib.data.folders import hidden
from mixlib.whole_files import write_whole
from pipelines.data.files import digest_of


class File(NamedTuple):
    """A file below a folder: its path there, bytes, and time of the last change."""

    name: str
    size: int
    changed: int


def list_files(folder: Path) -> list[File]:
    """All files below a folder, sorted by path; hidden and leftover ones do not count."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not hidden(name)]
        for name in files:
            if not hidden(name):
                path = Path(place, name)
                state = path.stat()
                relative = path.relative_to(folder)
                found.append(
                    (relative, File(relative.as_posix(), state.st_size, state.st_mtime_ns))
                )
    return [file for _, file in sorted(found, key=lambda pair: pair[0])]


def names_and_sizes(folder: Path) -> str:
    """SHA-256 over the sorted (path, size) of all files below a folder."""
    lines = (f"{file.name}\t{file.size}\n" for file in list_files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def content_digest(folder: Path, data: Path) -> str:
    """SHA-256 over the sorted paths and bytes of all files below a folder.

    The digest is remembered below `data`/contents with sizes and times of the files, and computed
    again, with progress on long work, when one of them differs.
    """
    files = list_files(folder)
    state = hashlib.sha256(repr([tuple(file) for file in files]).encode()).hexdigest()
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    kept = data / "contents" / f"{key}.json"
    try:
        found = json.loads(kept.read_text())
        if found["state"] == state:
            return str(found["content"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not taken yet, or a broken note: take it
    digest = hashlib.sha256()
    report = progress(f"digest of {folder}")
    for number, file in enumerate(files, 1):
        digest.update(f"{file.name}\n{digest_of(folder / file.name)}\n".encode())
        report(number, len(files))
    body = {"folder": str(folder), "state": state, "content": digest.hexdigest()}
    write_whole(kept, json.dumps(body) + "\n")
    return digest.hexdigest()


def progress(label: str, every: float = 5.0) -> Callable[[int, int], None]:
    """A report of (done, total) that prints a line every few seconds, and none for quick work."""
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            print(f"[{label}] {done:,} of {total:,}", file=sys.stderr, flush=True)

    return report
