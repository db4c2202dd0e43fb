"""Margins under which kept results were judged: ``paper_tables/measured/margins.json``.

The record names every kept result with the digest of its table's margins at the time.  Once a
result is kept its margins stay: changing them is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mixlib.whole_files import write_whole
from pipelines.declare.claims import Rules
from pipelines.declare.errors import DeclarationError
from pipelines.declare.table import Table

RECORD = "margins.json"


def read_record(folder: Path) -> dict[str, str]:
    """ "table/result" -> digest of the margins."""
    path = folder / RECORD
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def record(folder: Path, table: Table, rules: Rules, results: Iterable[str]) -> None:
    """Notes the margins of kept results; what is noted already stays.

    Raises:
        DeclarationError: a result was kept under other margins.
    """
    known = read_record(folder)
    for result in results:
        known.setdefault(f"{table.name}/{result}", rules.digest(table))
    check_margins(known, {table.name: table}, rules)
    write_whole(folder / RECORD, json.dumps(known, indent=1, sort_keys=True) + "\n")


def check_margins(known: Mapping[str, str], tables: Mapping[str, Table], rules: Rules) -> None:
    """Refuses margins that were changed after a result was kept.

    Raises:
        DeclarationError: names the table, the result and both digests.
    """
    for key, digest in known.items():
        name, _, result = key.partition("/")
        if name in tables and (found := rules.digest(tables[name])) != digest:
            raise DeclarationError(
                f"{rules.file}: expected the margins of {name} under which the result {result} was "
                f"kept (digest {digest}), found others ({found}): a margin is fixed before its "
                "run; restore it"
            )
