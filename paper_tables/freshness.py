"""Freshness of products: whether the files of a table are still what its results and source make.

The name of ``cells-<digest>.json`` is the address of what was declared and of the source that
renders it; inside are the digests of the products and of the results behind them.  A product that
was edited, emptied or rendered at another scale, and a result that changed, differ from these: the
address file goes, and the workflow renders the table again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from mixlib.whole_files import write_whole
from pipelines.data.files import file_digest
from pipelines.execute.provenance import tree_digest
from pipelines.execute.store import Store
from pipelines.plan.job import Job

PACKAGE = Path(__file__).parent
MEASURED = PACKAGE / "measured"


@cache
def source_digest() -> str:
    """Digest of the syntax trees of the package that renders; comments are no part of it."""
    paths = sorted(PACKAGE.rglob("*.py"))
    text = "\n".join(f"{path.relative_to(PACKAGE)} {tree_digest(path)}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shown_beside(name: str) -> str:
    """Digest of what a table's products show beside its own results: the look, and the measured
    runs that the repository holds."""
    runs = sorted((MEASURED / name).glob("*.json"))
    text = " ".join([source_digest(), *(f"{path.name}:{file_digest(path)}" for path in runs)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(
    address: Path,
    files: Iterable[Path],
    jobs: Iterable[Job],
    store: Store,
    cells: Mapping[str, list[str]],
) -> None:
    """Writes the address file: the cells' jobs, and digests of products and results."""
    body = {
        "cells": cells,
        "products": {path.name: file_digest(path) for path in files},
        "results": {job.digest: file_digest(store.file(job)) for job in jobs},
    }
    write_whole(address, json.dumps(body, indent=1), durable=False)


def is_fresh(address: Path, jobs: Iterable[Job], store: Store) -> bool:
    """Whether products and results are what the address file says.

    A result that is gone is the workflow's to make, and no reason to render.
    """
    try:
        body = json.loads(address.read_text())
        products, results = dict(body["products"]), dict(body["results"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    for name, digest in products.items():
        path = address.with_name(name)
        if not path.is_file() or file_digest(path) != digest:
            return False
    return all(
        file_digest(store.file(job)) == results.get(job.digest)
        for job in jobs
        if store.finished(job)
    )


def discard_stale(address: Path, jobs: Iterable[Job], store: Store) -> bool:
    """Removes the address file of products that are not fresh; returns whether it did."""
    if not address.exists() or is_fresh(address, jobs, store):
        return False
    address.unlink(missing_ok=True)
    return True
