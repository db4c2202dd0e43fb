"""One source of masks for training and theory, imported in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

from mixlib.core.lam import Beta
from mixlib.core.mask import MaskLaw, as_dense
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.core.policy import ByLaw, partners
from mixlib.methods.cutmix import Box
from mixlib.methods.fmix import FMix
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix
from mixlib.seed import generator

ROOT = Path(__file__).resolve().parents[2]


def modules(package: str) -> dict[Path, ast.Module]:
    return {p: ast.parse(p.read_text()) for p in sorted((ROOT / package).rglob("*.py"))}


def test_theory_defines_no_masks():
    """No subclass of MaskLaw, no draw method and no box geometry of its own."""
    for path, tree in modules("theory").items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                assert "MaskLaw" not in bases, f"{path}: {node.name}"
                methods = {f.name for f in node.body if isinstance(f, ast.FunctionDef)}
                assert "draw" not in methods, f"{path}: {node.name}"


@pytest.mark.parametrize("law", [Box(), Box("wrap"), HMix(0.5), GMix(), FMix()], ids=str)
@pytest.mark.parametrize("scope", ["sample", "batch"])
def test_training_blends_with_the_masks_that_the_theory_samples(law, scope, monkeypatch):
    """A spy on a training step: its masks are ``law.sample`` of the same generator state, bit for
    bit."""
    drawn, states = [], []
    real = type(law).draw

    def spy(self, lam, size, rng):
        states.append((lam.clone(), size, rng.get_state()))
        drawn.append(real(self, lam, size, rng))
        return drawn[-1]

    monkeypatch.setattr(type(law), "draw", spy)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4))
    x = torch.randn(6, 3, 8, 8, generator=generator(0, "x"))
    seen = {}
    model.register_forward_pre_hook(lambda _, args: seen.update(x=args[0].detach()))
    step = MixOnce(Net(model), ByLaw(law, Beta(1.0), scope))(
        x, torch.arange(6) % 4, generator(0, "mix", 5)
    )
    assert len(drawn) == 1
    monkeypatch.undo()

    lam, size, state = states[0]
    again = torch.Generator()
    again.set_state(state)
    masks = MaskLaw.sample(law, lam, size, again)
    used = step.mix.dense()[:, 0].double()
    assert torch.equal(as_dense(drawn[0], size, lam.dtype), masks)
    assert torch.equal(used, masks.float().double())
    # and the lambdas and masks repeat from the step's own generator, as the theory draws them
    fresh = generator(0, "mix", 5)
    partner, _ = partners(6, "roll", fresh)
    repeated = Beta(1.0).sample(6 if scope == "sample" else 1, fresh)
    assert torch.equal(repeated, lam)
    assert torch.equal(law.sample(repeated, size, fresh), masks)
    own = masks.float()[:, None]
    torch.testing.assert_close(seen["x"], own * x + (1 - own) * x[partner])
