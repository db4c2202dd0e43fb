"""Result files: a result as JSON that carries the digest of its own content and of its files.

What is not finite is null in the file and NaN when read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixlib.whole_files import write_whole

RESULT = "result.json"
# the digest itself, and what runs that the repository holds have beside a result
OUTSIDE = ("content", "scale")
FIELDS = ("digest", "job", "metrics", "seconds", "history", "provenance")


class CorruptResult(RuntimeError):
    """A result does not hold what its name promises."""


def content_digest(body: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of a result's canonical JSON, but for the digest itself."""
    inside = {key: value for key, value in body.items() if key not in OUTSIDE}
    text = json.dumps(inside, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_result(path: Path, body: Mapping[str, Any]) -> None:
    """Writes a result with the digest of its content, whole or not at all."""
    finite = _finite({key: value for key, value in body.items() if key != "content"})
    body = {**finite, "content": content_digest(finite)}
    write_whole(path, json.dumps(body, indent=1, allow_nan=False))


def load(path: Path, digest: str, signed: bool = False) -> dict[str, Any]:
    """A result file whose job has the digest.

    Args:
        path: the file.
        digest: of its job.
        signed: a file without the digest of its content is refused, too.

    Raises:
        CorruptResult: the file is damaged or edited, or holds another job's result.
    """
    again = "delete it and run again"
    try:
        result = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CorruptResult(f"{path}: not valid JSON ({error}); {again}") from None
    missing = [key for key in FIELDS if not isinstance(result, dict) or key not in result]
    if missing:
        raise CorruptResult(f"{path}: expected a result, found no {', '.join(missing)}; {again}")
    text = json.dumps(result["job"], sort_keys=True, separators=(",", ":"))
    found = hashlib.sha256(text.encode()).hexdigest()[:16]
    if not found == result["digest"] == digest:
        raise CorruptResult(
            f"{path}: the job inside has digest {found} (it says {result['digest']!r}), its name "
            f"says {digest}; {again}"
        )
    if "content" in result or signed:
        content = content_digest(result)
        if result.get("content") != content:
            raise CorruptResult(
                f"{path}: expected the content {result.get('content')}, found {content}: it was "
                f"changed after it was written; {again}"
            )
    result["metrics"] = {k: math.nan if v is None else v for k, v in result["metrics"].items()}
    return dict(result)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(value: Any) -> Any:
    """JSON's values; numbers that are not finite become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
