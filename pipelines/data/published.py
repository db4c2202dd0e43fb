"""Published weights as files: where they lie and what they contain."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from mixlib.models.backbones import PUBLISHED
from pipelines.data.places import bases


def source(name: str) -> str:
    """What ``mixlib.models.backbones.load_published`` loads: torchvision's word, or a path."""
    return name if name == PUBLISHED else str(find(name))


def find(name: str) -> Path:
    """The file of that name below MIX_DATA or data/.

    Raises:
        FileNotFoundError: says where it was looked for.
    """
    tried = [base / name for base in bases().values()]
    for path in tried:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"expected the weights {name!r} at {' or '.join(map(str, tried))}, found nothing: put the "
        f"file there, or declare weights: {PUBLISHED}"
    )


@cache
def content_digest(path: Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file; read once per process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
