"""Every experiment at a tiny size, from declaration to page; the graph's targets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theory.__main__ import app
from theory.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).parents[3]
TINY = {
    "adversarial": {"train": 16, "test": 20, "steps": 80, "noise": 0.3, "laws": ("CutMix",)},
    "distances": {"held_out": ((2, 1), (5, 2)), "train": 12, "test": 20, "steps": 3},
    "first_layer": {"train": 9, "few": 3, "size": 4, "steps": 3, "laws": ("CutMix",)},
    "generalization": {"samples": (12, 20), "test": 20, "steps": 3, "size": 4},
    "gradients": {"train": 12, "test": 20, "steps": 3, "laws": ("Mixup", "CutMix")},
    "network_terms": {"train": 8, "steps": 2, "directions": 16, "laws": ("Mixup", "CutMix")},
    "twins": {"train": 20, "test": 20, "steps": 2},
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_from_declaration_to_page(name, tmp_path):
    chosen = EXPERIMENTS[name]
    declared = replace(chosen.declared, seeds=2, **TINY[name])
    if name == "distances":
        declared = replace(declared, plain_seeds=1)
    chosen = replace(chosen, declared=declared)
    found = chosen.run(kept=tmp_path)
    text = chosen.page(declared, found).text()
    assert re.match(r"# .+\n\n\*.+\?\*\n", text)  # title and question
    assert text.count("|---|") >= 1
    assert "\n* " in text  # sentences that say what came out
    assert "nan" not in text
    chosen.draw(declared, found).savefig(tmp_path / "figure.png")
    # the same declaration is measured again from what was kept
    assert chosen.run(kept=tmp_path) == found


def test_every_experiment_is_a_target_of_the_graph():
    rules = (ROOT / "pipelines" / "rules" / "theory.smk").read_text()
    (names,) = re.findall(r"^EXPERIMENTS = \((.*?)\)", rules, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r'"(\w+)"', names)) == sorted(EXPERIMENTS)


def test_the_command_lists_and_refuses():
    listed = CliRunner().invoke(app, ["experiment", "--list"])
    assert all(name in listed.output for name in EXPERIMENTS)
    refused = CliRunner().invoke(app, ["experiment", "nothing"])
    assert refused.exit_code == 1
    assert "expected one of" in refused.output
