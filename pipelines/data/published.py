"""Which published weights does a training start from?  An explicit word of a declaration, never a
silent default.

"torchvision" is that library's first ImageNet weights, which the papers fine-tuned; any other word
is a file below MIX_DATA or data/, identified by its content.  A null starts from random weights.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from mixlib.backbones import PUBLISHED, backbone
from pipelines.data.places import bases
from pipelines.plan.job import Row


def identify(word: str, network: str) -> Row:
    """The weights that a declaration's word means for a network, as a job sees them.

    Raises:
        ValueError: torchvision publishes none for this network.
        FileNotFoundError: the file is nowhere it was looked for.
    """
    if word != PUBLISHED:
        return Row(word, 1, (("sha256", _content(find(word))),))
    model = backbone(network).torchvision
    if model is None:
        raise ValueError(
            f"torchvision publishes no weights of {network}: name a file, or say weights: null to "
            "start from random ones"
        )
    return Row(PUBLISHED, 1, (("model", model), ("version", "IMAGENET1K_V1")))


def source(row: Row) -> str:
    """What ``mixlib.backbones.load_published`` loads: torchvision's word, or a path."""
    return row.name if row.name == PUBLISHED else str(find(row.name))


def find(word: str) -> Path:
    """The file of that name below MIX_DATA or data/.

    Raises:
        FileNotFoundError: says where it was looked for.
    """
    tried = [base / word for base in bases().values()]
    for path in tried:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"expected the weights {word!r} at {' or '.join(map(str, tried))}, found nothing: put the "
        f"file there, or declare weights: {PUBLISHED}"
    )


@cache
def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
