"""Files written whole or not at all: beside their name first, then moved there.

A process that is killed, or a disk that is full, leaves the file that was there before.  Imports
nothing of the project and no torch.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: Path, durable: bool = False) -> Iterator[Path]:
    """A neighbor of ``path`` to write to; it takes the name of ``path`` when all went well.

    Args:
        path: the file; its folder is made.
        durable: wait until the disk has it; False for what the next start makes again.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "made" / "x.txt"
        >>> with aside(path) as part:
        ...     _ = part.write_text("whole")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('whole', 1)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # two threads of one process may write the same file, too; writers look at the suffix
    part = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
    try:
        yield part
        if durable:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str, durable: bool = True) -> None:
    """Writes a text as UTF-8, see :func:`aside`.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x.txt"
        >>> write_whole(path, "whole")
        >>> path.read_text()
        'whole'
    """
    with aside(path, durable) as part:
        part.write_text(text, encoding="utf-8")


def rename_broken(path: Path, why: str) -> Path:
    """Renames a broken file or folder to ``<name>.broken-<n>`` and says so."""
    number = 1
    while (other := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.rename(other)
    print(f"set aside {path} as {other.name}: {why}", file=sys.stderr, flush=True)
    return other
