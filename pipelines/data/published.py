"""Published weights as files: where they lie and what they contain."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mixlib.models.backbones import PUBLISHED, PUBLISHED_BY_TIMM
from pipelines.data.files import file_digest
from pipelines.data.places import bases


def source(name: str) -> str:
    """What ``mixlib.models.load.load_published`` loads: a library's word, or a path."""
    return name if name in (PUBLISHED, PUBLISHED_BY_TIMM) else str(find(name))


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
    return file_digest(path)
