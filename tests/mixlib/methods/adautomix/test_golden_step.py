"""AdAutoMix against the released code: masks, and steps with their gradients.

Recorded from OpenMixup 37e1372: masks of two, three and four images, and an adversarial and a
cooperative step around a small network with plain linear heads.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mixlib.methods.adautomix import adautomix_spec
from mixlib.methods.adautomix.several import SeveralMixBlock, Together
from tests.mixlib.methods.adautomix.test_objective import STRONG, make


@pytest.mark.parametrize("case", [0, 1, 2, 3])
def test_masks_equal_the_released_ones(golden, case):
    data, at = golden("methods/adautomix"), f"c{case}_"
    spec = replace(STRONG, embed_lam=bool(data[at + "lam_concat"]), upsample=str(data[at + "mode"]))
    block = SeveralMixBlock(6, spec, torch.Generator())
    names = {"query": "conv_q.conv", "key": "conv_k.conv", "value": "conv_v"}
    block.load_state_dict({
        f"{ours}.{kind}": torch.from_numpy(data[f"{at}param.{theirs}.{kind}"])
        for ours, theirs in names.items()
        for kind in ("weight", "bias")
    })  # fmt: skip
    source = torch.from_numpy(data[at + "source"]).long()
    shares = torch.from_numpy(data[at + "lam"]).float().expand(source.shape)
    masks = block.masks(torch.from_numpy(data[at + "z"]), Together(source, shares), (12, 12))
    torch.testing.assert_close(masks, torch.from_numpy(data[at + "mask"]), atol=1e-5, rtol=1e-5)


def released_names() -> dict[str, str]:
    """The released names of our parameters, of the networks by what they begin with."""
    names = {f"pair.{which}.model.": f"backbone_{which}.net." for which in ("q", "k")}
    for which in ("q", "k"):
        for head in ("one", "mix"):
            names[f"pair.{which}_heads.{head}."] = f"head_{head}_{which}.fc."
    for ours, theirs in {"query": "conv_q.conv", "key": "conv_k.conv", "value": "conv_v"}.items():
        names[f"block.{ours}."] = f"mix_block.{theirs}."
    return names


def released_name(name: str) -> str:
    (start,) = (start for start in released_names() if name.startswith(start))
    return released_names()[start] + name.removeprefix(start)


@pytest.fixture
def recorded_step(golden):
    """A released step, laid beside ours: 0 is an adversarial one, 1 a cooperative one."""
    data = golden("methods/adautomix_step")

    def run(step: int, **changes) -> tuple[dict[str, float], float]:
        block = {"embed_lam": False}
        objective = make(adautomix_spec({"preset": "released", "block": block} | changes))
        with torch.no_grad():
            for name, parameter in objective.named_parameters():
                parameter.copy_(torch.from_numpy(data[f"before.{released_name(name)}"]))
        objective.pair.step, at = step, f"s{step}_"
        shares = torch.from_numpy(data[at + "lam"]).float().expand(6, 3)
        for_k, for_q = (
            Together(torch.from_numpy(data[f"{at}source_{which}"]).long(), shares)
            for which in ("k", "q")
        )
        x, y = (torch.from_numpy(data[name]) for name in ("x", "y"))
        loss = objective.step(x, y, for_k, for_q).loss
        loss.backward()
        off = {}
        for name, parameter in objective.named_parameters():
            key = f"{at}grad.{released_name(name)}"
            if key in data:
                expected = torch.from_numpy(data[key])
                # a bias of the keys shifts every logit of a softmax alike: its gradient is rounding
                scale = max(float(expected.abs().max()), 1e-3)
                off[name] = float((parameter.grad - expected).abs().max()) / scale
        return off, abs(float(loss.detach()) - float(data[at + "loss"]))

    return run


@pytest.mark.parametrize("step", [0, 1])
def test_a_step_as_released_equals_the_recorded_one(recorded_step, step):
    gradients, loss = recorded_step(step)
    assert loss < 1e-5
    assert len(gradients) == 12
    assert max(gradients.values()) < 1e-3, gradients


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"cosine": "kept"}, 0),
        ({"beta": 0.4}, 0),
        ({"every": 1}, 1),
        ({"flat": 0.4}, 1),
        ({"learned": True}, 1),
        ({"block": {"upsample": "nearest", "embed_lam": False}}, 0),
    ],
)
def test_another_step_than_the_released_one_is_noticed(recorded_step, changes, step):
    gradients, loss = recorded_step(step, **changes)
    assert max(gradients.values()) > 0.01
    assert loss > 1e-4
