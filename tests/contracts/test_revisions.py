"""Numbers that change raise a revision: a digest must never name two different results.

``tests/golden/revisions.json`` holds, for every catalog row, its revision and a short fingerprint
of what it computes.  After a deliberate change: raise the row's revision, then ``python -m
tests.contracts.test_revisions``; ``--check`` names the rows that have no numbers yet.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch

from mixlib.catalog.methods import METHODS
from mixlib.core.method import resolve
from mixlib.core.mix import blend
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.shapes import scenes
from mixlib.data.shapes.scenes import Shapes, render
from mixlib.models import backbones
from mixlib.seed import generator
from mixlib.training.recipes import RECIPES

FILE = Path(__file__).parents[1] / "golden" / "revisions.json"
COMMAND = "python -m tests.contracts.test_revisions"
TOLERANCE = 1e-4
# rows whose policy needs a network or teacher are pinned by their own golden tests
PLAIN = [row.name for row in METHODS.values() if row.objective == "once" and not row.needs]
# narrow or of few stages: built and run in a moment
NARROW = [
    name
    for name, row in backbones.BACKBONES.items()
    if sum(row.options.get("layers", ())) == 4 or row.family == "residual"
]


def method_numbers(name: str) -> list[float]:
    """Moments of a fixed batch mixed with the method's generated-data parameters."""
    row = METHODS[name]
    params, _ = row.split(row.params_for("generated"))
    policy = resolve(row.path())(**params)
    x = torch.randn(6, 3, 32, 32, generator=generator(0, "revision"))
    chosen = policy.choose(generator(1, name))
    if chosen.site != "input":
        return [0.0]
    mix = chosen.draw(x, torch.arange(6), None, generator(2, name))
    out = blend(mix, x)
    grid = torch.linspace(-1, 1, 32)
    return [
        float(value)
        for value in (out.mean(), out.std(), (out * grid).mean(), mix.weight[:, 0].mean())
    ]


def backbone_numbers(name: str) -> list[float]:
    """Logits of a fixed image by the freshly initialized network."""
    model = backbones.build(name, 5, seed=0).eval()
    x = torch.randn(1, 3, 64, 64, generator=generator(0, "revision"))
    with torch.no_grad():
        return [float(value) for value in model(x)[0]]


def text(row) -> str:
    """Hash of every setting of a row, its revision and prose aside; as in a digest, a field that
    came later counts where it is not at its default."""
    quiet = {"revision", "source"} | {
        field.name
        for field in dataclasses.fields(row)
        if field.metadata.get("later") and getattr(row, field.name) == field.default
    }
    body = {k: v for k, v in dataclasses.asdict(row).items() if k not in quiet}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def renderer_numbers() -> str:
    spec = Shapes(train=2, val=0, size=32)
    return hashlib.sha256(render(spec, "train", 1).image.tobytes()).hexdigest()[:16]


def current() -> dict[str, dict[str, list]]:
    return {
        "methods": {n: [METHODS[n].revision, method_numbers(n)] for n in PLAIN},
        "backbones": {n: [backbones.BACKBONES[n].revision, backbone_numbers(n)] for n in NARROW},
        "recipes": {n: [row.revision, text(row)] for n, row in RECIPES.items()},
        "augments": {n: [row.revision, text(row)] for n, row in AUGMENTS.items()},
        "renderer": {"shapes": [scenes.REVISION, renderer_numbers()]},
    }


def same(old, new) -> bool:
    if isinstance(old, str):
        return old == new
    return len(old) == len(new) and all(
        abs(a - b) <= TOLERANCE * (1 + abs(a)) for a, b in zip(old, new, strict=True)
    )


@pytest.fixture(scope="module")
def now():
    return current()


@pytest.mark.parametrize("catalog", ["methods", "backbones", "recipes", "augments", "renderer"])
def test_changed_numbers_raise_their_revision(catalog, now):
    recorded = json.loads(FILE.read_text())[catalog]
    gone = recorded.keys() - now[catalog].keys()
    assert not gone, f"{catalog}: {sorted(gone)} left the catalog: take them out of {FILE.name}"
    # a row that is new has no numbers yet that could have changed
    for name in recorded:
        (old_revision, old), (revision, numbers) = recorded[name], now[catalog][name]
        if revision == old_revision:
            assert same(old, numbers), f"{catalog}: {name}: numbers changed, the revision did not"
        else:
            assert revision > old_revision, f"{catalog}: {name}: revisions only go up"
            pytest.fail(f"{catalog}: {name}: record the numbers of revision {revision}")


def updated(recorded: dict[str, dict[str, list]], now: dict[str, dict[str, list]]) -> dict:
    """The record with new rows at the end and raised revisions; all else stays as it is."""
    after = {}
    for catalog, rows in now.items():
        before = recorded.get(catalog, {})
        kept = {name: old for name, old in before.items() if name in rows}
        after[catalog] = kept | {
            name: new
            for name, new in rows.items()
            if name not in before or before[name][0] != new[0]
        }
    return after


def without_numbers() -> list[str]:
    """Rows whose numbers are not recorded yet."""
    recorded = json.loads(FILE.read_text())
    known = {"methods": PLAIN, "backbones": NARROW, "recipes": RECIPES, "augments": AUGMENTS}
    return [n for catalog, names in known.items() for n in names if n not in recorded[catalog]]


def test_recording_leaves_unchanged_rows_alone(now):
    recorded = json.loads(FILE.read_text())
    raised = {**now["recipes"], "cifar": [now["recipes"]["cifar"][0] + 1, "0" * 16]}
    after = updated(recorded, {**now, "recipes": raised})
    assert after["recipes"]["cifar"] == raised["cifar"]
    assert after["methods"] == {**now["methods"], **recorded["methods"]}


if __name__ == "__main__":
    if "--check" in sys.argv:
        if missing := without_numbers():
            sys.exit(f"no numbers of {', '.join(missing)} yet: {COMMAND} adds them")
        sys.exit()
    FILE.write_text(json.dumps(updated(json.loads(FILE.read_text()), current()), indent=1) + "\n")
