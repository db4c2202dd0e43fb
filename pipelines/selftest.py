"""Whether this machine gives the bits of the reference: ``python -m pipelines.selftest``, which
takes a minute.

Two short trainings (:mod:`pipelines.execute.selftest`) are compared with what was recorded for this
version of PyTorch (:mod:`pipelines.portable_bits`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from mixlib.whole_files import write_whole
from pipelines.command_line import run_app
from pipelines.portable_bits import pin

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
REFERENCE = Path(__file__).with_name("reference_bits.json")


@app.command()
def main(
    record: Annotated[
        bool, typer.Option("--record", help="make this machine's bits the reference")
    ] = False,
) -> None:
    """Says whether this machine gives the bits of the reference; exit code 1 where it does not."""
    pin()
    os.environ.pop("MIX_DATA", None)
    known = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {}
    # torch reads its settings when it is loaded
    from pipelines.execute.selftest import measure, version

    key, found = version(), measure()
    if record:
        write_whole(REFERENCE, json.dumps({**known, key: found}, indent=1) + "\n")
    elif key not in known:
        raise SystemExit(f"no reference for {key}; known: {', '.join(known)}. Found: {found}")
    wanted = found if record else known[key]
    for method, value in found.items():
        same = value == wanted[method]
        print(f"{method}: {value}, {'as the reference' if same else f'not {wanted[method]}'}")
    if found != wanted:
        raise SystemExit(
            f"this machine's bits differ from the reference of {key}: results agree with others' "
            "up to rounding only, which short trainings amplify"
        )
    print(f"this machine gives the bits of the reference ({key})")


if __name__ == "__main__":
    run_app(app)
