"""Files written whole or not at all, and the digests of files."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path


def write_whole(path: Path, text: str, durable: bool = True) -> None:
    """Writes a file beside its name and moves it there: it is never seen cut.

    Args:
        path: the file; its folder is made.
        text: its content, written as UTF-8.
        durable: wait until the disk has it; False for what the next start makes again.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "made" / "x.txt"
        >>> write_whole(path, "whole")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('whole', 1)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # two threads of one process may write the same file, too
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """A file's digest in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


def file_digest(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    return digest_of(path)[:16]
