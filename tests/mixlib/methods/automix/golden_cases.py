"""Reference cases of AutoMix: the released numbers, and how ours are laid beside them.

Kept apart from the tests because the mutation tests run the same comparisons and expect failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from mixlib.core.mix import blend
from mixlib.core.net import Net
from mixlib.methods.automix import (
    AutoMix,
    AutoMixSpec,
    BlockSpec,
    Features,
    LamLoss,
    MixBlock,
    Momentum,
)
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.presets import released_cifar

Fixture = Mapping[str, np.ndarray]

BLOCKS = (
    "plain_nearest",
    "plain_bilinear_noscale",
    "lamcat_nearest",
    "lamcat_bilinear",
    "bicubic_b",
    "samix_bilinear",
)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def lam_of(fixture: Fixture, key: str = "lam") -> torch.Tensor:
    return torch.tensor([float(fixture[key])])


def block_case(fixture: Fixture) -> tuple[MixBlock, LamLoss]:
    """The released block of a ``mixblock_*`` fixture, with its weights, and its lambda loss."""
    config = json.loads(str(fixture["cfg_json"]))
    neck = "value_neck_cfg" in config
    spec = BlockSpec(
        embed_lam=config.get("lam_concat", False),
        separate=config.get("x_qk_concat", False),
        value="partner",
        squash="after",
        upsample=config["mode"],
        reduction=config["reduction"],
        scaled=config["use_scale"],
        lam_scale=config.get("lam_mul_k"),
        paired=config.get("x_qk_concat", False),
        value_neck=neck,
    )
    block = MixBlock(config["in_channels"], spec, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for key, part in names(block).items():
            part.copy_(tensor(fixture[f"param.{key}"]))
    loss = LamLoss(
        scope="batch",
        margin=config["mask_loss_margin"],
        variance=2.0 if config["mask_loss_mode"].endswith("Variance") else 0.0,
    )
    return block, loss


def names(block: MixBlock) -> dict[str, nn.Parameter]:
    """Our parameters by the names of the reference."""
    found = {
        "query.conv.weight": block.query.weight,
        "query.conv.bias": block.query.bias,
    }
    if block.key is not None:
        found |= {"key.conv.weight": block.key.weight, "key.conv.bias": block.key.bias}
    if isinstance(block.value, nn.Sequential):
        first, norm, _, last = block.value
        found |= {
            "value.conv.0.conv.weight": first.weight,
            "value.conv.0.bn.weight": norm.weight,
            "value.conv.0.bn.bias": norm.bias,
            "value.conv.1.conv.weight": last.weight,
        }
    else:
        found |= {"value.weight": block.value.weight, "value.bias": block.value.bias}
    return found


def close(actual: torch.Tensor, expected: np.ndarray, atol: float, rtol: float) -> None:
    torch.testing.assert_close(
        actual.detach(), tensor(expected).to(actual.dtype), atol=atol, rtol=rtol, check_dtype=False
    )


def check_block(fixture: Fixture) -> None:
    """Attention, values, logits, masks, lambda loss and both gradients of one fixture."""
    block, lam_loss = block_case(fixture)
    atol, rtol = 2e-5, 1e-4
    x, perm, lam = tensor(fixture["x"]), tensor(fixture["perm"]), lam_of(fixture)
    size = tuple(int(fixture["scale_factor"]) * side for side in x.shape[-2:])

    mask = block(x, perm, lam, size)
    close(mask, fixture["mask"][:, 0], atol, rtol)
    close(1 - mask, fixture["mask"][:, 1], atol, rtol)
    close(lam_loss(mask, lam), fixture["mask_loss"], atol, rtol)
    for loss, key in (
        ((mask * tensor(fixture["coef"])).sum(), "grad_coef"),
        (lam_loss(mask, lam), "grad_maskloss"),
    ):
        block.zero_grad()
        loss.backward(retain_graph=True)
        for name, part in names(block).items():
            close(part.grad, fixture[f"{key}.{name}"], atol, rtol)

    own, other = block.embed(x, perm, lam)
    attention, value = block.attend(own, other), block.value(other)
    close(attention, fixture["attn"], atol, rtol)
    close(value[:, 0], fixture["value"], atol, rtol)
    close(block.weigh(attention, value), fixture["prelogit_j"], atol, rtol)


class Average(nn.Module):
    """The reference's pooled representation, for the tiny CIFAR ResNet."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3), keepdim=True)


def tiny_resnet(widths: tuple[int, ...] = (2, 4, 8, 16), classes: int = 5) -> ResNet:
    """A CIFAR ResNet-18 with these widths, with torchvision's names."""
    net = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=classes)
    net.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
    net.bn1 = nn.BatchNorm2d(widths[0])
    net.maxpool = nn.Identity()
    net.avgpool = Average()
    before = widths[0]
    for stage, width in enumerate(widths, 1):
        blocks = []
        for index in range(2):
            stride = 2 if stage > 1 and index == 0 else 1
            down = None
            if stride > 1 or before != width:
                down = nn.Sequential(
                    nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
                )
            blocks.append(BasicBlock(before, width, stride, down))
            before = width
        setattr(net, f"layer{stage}", nn.Sequential(*blocks))
    net.fc = nn.Linear(widths[-1], classes)
    return net


def step_case(fixture: Fixture, spec: AutoMixSpec = released_cifar) -> AutoMix:
    """The released objective in the state before the reference's step."""
    spec = replace(spec, momentum=Momentum(float(fixture["ema"]), float(fixture["ema"])))
    objective = AutoMix(Net(tiny_resnet()), Features("layer3", 8), spec, steps=10)
    with torch.no_grad():
        for key, part in state_names(objective).items():
            if f"before.{key}" in fixture:
                part.copy_(tensor(fixture[f"before.{key}"]))
    return objective.train()


def state_names(objective: AutoMix) -> dict[str, torch.Tensor]:
    """Our parameters and statistics by the names of the reference."""
    pair = objective.pair
    found: dict[str, torch.Tensor] = {
        f"mix_block.{key}": part for key, part in names(objective.block).items()
    }
    for which, net, heads in (("q", pair.q, pair.q_heads), ("k", pair.k, pair.k_heads)):
        model = net.model
        for key, part in (*model.named_parameters(), *model.named_buffers()):
            found[f"backbone_{which}.{key}"] = part
        for name, head in heads.items():
            found[f"head_{name}_{which}.fc.weight"] = head.weight
            found[f"head_{name}_{which}.fc.bias"] = head.bias
    return found


def step_draws(fixture: Fixture) -> tuple[Draw, Draw]:
    return (
        Draw(lam_of(fixture, "lam_mb"), tensor(fixture["perm_mb"])),
        Draw(lam_of(fixture, "lam_bb"), tensor(fixture["perm_bb"])),
    )


def optimizer(objective: AutoMix, fixture: Fixture) -> torch.optim.Optimizer:
    groups = objective.groups()
    return torch.optim.SGD(
        [
            {"params": groups["net"], "lr": float(fixture["lr"])},
            {"params": groups["block"], "lr": float(fixture["lr_mb"])},
        ],
        momentum=float(fixture["sgd_momentum"]),
        weight_decay=float(fixture["wd"]),
    )


def check_step(
    fixture: Fixture, prepare: Callable[[AutoMix], object] = lambda objective: None
) -> None:
    """Losses, mixed images, gradients and the state after one whole step; evaluation logits.

    ``prepare`` may change the objective before the step (mutations).
    """
    objective = step_case(fixture)
    prepare(objective)
    x, y = tensor(fixture["x"]), tensor(fixture["y"])
    for_k, for_q = step_draws(fixture)
    step = objective.step(x, y, for_k, for_q)
    for ours, theirs in (
        (step.loss, "loss_total"),
        (step.terms["one"], "loss_ce_q"),
        (step.terms["mix"], "loss_mce_q"),
        (step.terms["generate"], "loss_mce_k"),
        (step.terms["lam"], "loss_mask_weighted"),
        (blend(step.mix, x), "img_mix_bb"),
    ):
        close(ours, fixture[theirs], 3e-5, 3e-5)

    optim = optimizer(objective, fixture)
    step.loss.backward()
    for key, part in state_names(objective).items():
        if f"grad.{key}" in fixture:
            close(part.grad, fixture[f"grad.{key}"], 2e-4, 5e-3)
    optim.step()
    objective.update_teacher(0)
    compared = 0
    for key, part in state_names(objective).items():
        if f"after.{key}" in fixture:
            close(part, fixture[f"after.{key}"], 2e-4, 5e-3)
            compared += 1
    assert compared == sum(key.startswith("after.") for key in fixture)
