"""Counts that are kept on disk: counting one network's step takes seconds, a scale has a hundred.

A count belongs to the code that was counted: any other source of the networks, methods and
detectors, or another torch or timm, is counted anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_type_hints

from mixlib.whole_files import write_whole
from pipelines.execute.provenance import tree_digest

FOLDER = Path("results/.counts")
ROOT = Path(__file__).parents[1]
COUNTED = ("mixlib", "downstream/detection", "downstream/segmentation", "pipelines/step_load.py")
"""Where the code is whose operations are counted, and the code that counts."""

Words = ParamSpec("Words")
Count = TypeVar("Count")


def kept_count(function: Callable[Words, Count]) -> Callable[Words, Count]:
    """A function whose results, flat dataclasses, are remembered in this process and on disk.

    Its arguments say by their ``repr`` what they are.
    """
    kind: Any = get_type_hints(function)["return"]
    known: dict[str, Count] = {}

    @wraps(function)
    def counted(*args: Words.args, **kwargs: Words.kwargs) -> Count:
        key = f"{function.__name__}({args}, {kwargs}) of {code()}"
        if key not in known:
            path = FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
            found = read_count(path, kind)
            if found is None:
                found = function(*args, **kwargs)
                body = {"what": key, "count": dataclasses.asdict(found)}  # type: ignore[call-overload]
                write_whole(path, json.dumps(body, indent=1) + "\n", durable=False)
            known[key] = found
        return known[key]

    return counted


def read_count(path: Path, kind: Callable[..., Any]) -> Any:
    """The count that a file holds; None: there is none, or it is not whole."""
    try:
        return kind(**json.loads(path.read_text())["count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def code() -> str:
    """Digest of the counted code's sources and libraries."""
    digest = hashlib.sha256(f"{version('torch')} {version('timm')}".encode())
    for place in COUNTED:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode())
            digest.update(tree_digest(file).encode())  # comments count nothing
    return digest.hexdigest()[:16]
