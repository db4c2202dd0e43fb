"""The example of the documentation runs, and is as short as promised."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "automix_plain_loop.py"


def test_the_plain_loop(capsys):
    runpy.run_path(str(EXAMPLE))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("predicted classes:")
    code = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(code) <= 35
