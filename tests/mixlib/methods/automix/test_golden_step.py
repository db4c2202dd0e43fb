"""One whole training step, and pixel mixing, against the released numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mixlib.core.mix import blend
from mixlib.core.net import Net, inference
from mixlib.methods.automix import AutoMix, Features
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.presets import released_cifar
from mixlib.methods.automix.teacher import Report
from tests.mixlib.methods.automix import golden_cases as cases


def test_the_released_step(golden):
    cases.check_step(golden("automix/automix_step_cifar"))


def test_the_generated_images(golden):
    fixture = golden("automix/automix_step_cifar")
    objective = cases.step_case(fixture)
    x = cases.tensor(fixture["x"])
    for_k, _ = cases.step_draws(fixture)
    mask = objective.block(objective.look(x), for_k.partner, for_k.lam, x.shape[-2:])
    cases.close(blend(for_k.mix(mask), x), fixture["img_mix_mb"], 3e-5, 3e-5)


@pytest.mark.parametrize("report", [Report(n, h) for n in ("q", "k") for h in ("one", "mix")])
def test_reported_networks(golden, report):
    fixture = golden("automix/automix_step_cifar")
    objective = cases.step_case(fixture, replace(released_cifar, report=report))
    x, y = cases.tensor(fixture["x"]), cases.tensor(fixture["y"])
    optim = cases.optimizer(objective, fixture)
    objective.step(x, y, *cases.step_draws(fixture)).loss.backward()
    optim.step()
    objective.update_teacher(0)
    predictor = objective.predictor()
    with inference(predictor):
        logits = predictor(x)
    cases.close(logits, fixture[f"eval.acc_{report.head}_{report.network}"], 2e-4, 5e-3)


@pytest.mark.parametrize("case", ["c0", "c1", "c2"])
def test_released_pixel_mixing(golden, monkeypatch, case):
    fixture = golden("automix/automix_pixel_mixup")
    x = cases.tensor(fixture["x"])
    spec = replace(released_cifar, lam_margin=float(fixture[f"{case}_margin"]))
    objective = AutoMix(Net(cases.tiny_resnet()), Features("layer3", 8), spec, steps=1)
    for branch in ("mb", "bb"):
        own = cases.tensor(fixture[f"{case}_mask_{branch}"])[:, 0]
        monkeypatch.setattr(objective.block, "forward", lambda *args, own=own: own)
        draw = Draw(
            cases.lam_of(fixture, f"{case}_lam_{branch}"), cases.tensor(fixture[f"perm_{branch}"])
        )
        mix = draw.mix(own) if branch == "mb" else objective.mix_for_q(x, draw, x)
        cases.close(blend(mix, x), fixture[f"{case}_img_{branch}"], 1e-5, 1e-5)
        torch.testing.assert_close(mix.weight[:, :1], draw.lam.expand(5)[:, None])
