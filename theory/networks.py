"""Small smooth networks on which the theorem is checked, in three states: random, trained with a
mask law, and overfitted to the unmixed data.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.core.policy import ByLaw, Policy
from mixlib.methods.vanilla import vanilla
from mixlib.seed import derive, generator

STATES = ("random", "trained", "overfitted")


def blobs(
    m: int, size: int, classes: int, seed: int = 0, channels: int = 1, noise: float = 0.3
) -> tuple[Float[Tensor, "m C h w"], Int[Tensor, " m"]]:
    """Smooth random images, one blob per class at its own place, and noise; float64, centered."""
    rng = generator(seed, "blobs", m, size)
    y = torch.arange(m) % classes
    place = torch.arange(size).double()
    angle = 2 * torch.pi * y / classes
    down, across = (
        size / 2 + size / 4 * v + torch.randn(m, generator=rng) / 2
        for v in (torch.sin(angle), torch.cos(angle))
    )
    bump = torch.exp(
        -((place[:, None] - down[:, None, None]) ** 2 + (place - across[:, None, None]) ** 2)
        / (size / 4) ** 2
    )
    grain = torch.randn(m, channels, size, size, generator=rng, dtype=torch.float64)
    x = 2 * bump[:, None] + noise * grain
    return x - x.mean(0), y


def network(
    size: int, classes: int, seed: int = 0, channels: int = 1, width: int = 24
) -> nn.Sequential:
    """A two-layer softplus network in double precision: smooth, so that orders can be measured."""
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * size * size, width),
        nn.Softplus(),
        nn.Linear(width, classes),
    )
    return _initialized(model.double(), seed)


def bias_free(
    size: int, classes: int, seed: int = 0, width: int = 32, channels: int = 1
) -> nn.Module:
    """A two-layer ReLU network without biases in double precision, so that f(x) = grad f(x) . x
    almost everywhere, as the adversarial bound assumes."""
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * size * size, width, bias=False),
        nn.ReLU(),
        nn.Linear(width, classes, bias=False),
    )
    return _initialized(model.double(), seed)


def linear(size: int, classes: int, seed: int = 0, channels: int = 1) -> nn.Module:
    """A linear classifier without bias in double precision, for centered images."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes, bias=False))
    return _initialized(model.double(), seed)


def convolutional(classes: int, seed: int = 0, channels: int = 3) -> nn.Sequential:
    """A small convolutional GELU network in single precision, for images of any size: smooth, and
    with maps that a Mix Block can read (modules "1" and "3")."""
    model = nn.Sequential(
        nn.Conv2d(channels, 6, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )
    return _initialized(model, seed)


def small_convolutional(
    size: int, classes: int, seed: int = 0, channels: int = 1, width: int = 4
) -> nn.Module:
    """One strided convolution, softplus and a linear layer, in double precision."""
    side = -(-size // 2)
    model = nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1),
        nn.Softplus(),
        nn.Flatten(),
        nn.Linear(width * side * side, classes),
    )
    return _initialized(model.double(), seed)


def vision_transformer(
    size: int, classes: int, seed: int = 0, channels: int = 1, patch: int = 4, width: int = 24
) -> nn.Module:
    """A vision transformer (Dosovitskiy et al., ICLR 2021; timm's class) of two blocks in double
    precision."""
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(
        img_size=size,
        patch_size=patch,
        in_chans=channels,
        num_classes=classes,
        embed_dim=width,
        depth=2,
        num_heads=2,
        mlp_ratio=2.0,
    ).double()
    norms = {id(part.weight) for part in model.modules() if isinstance(part, nn.LayerNorm)}
    scales = [p for p in model.parameters() if id(p) in norms]
    _initialized(model, seed)
    with torch.no_grad():
        for scale in scales:
            scale.fill_(1.0)
    return model


N = TypeVar("N", bound=nn.Module)


def _initialized(model: N, seed: int) -> N:
    """Normal weights of variance 1 / fan-in, no biases."""
    rng = generator(seed, "init")
    with torch.no_grad():
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
            fan = parameter[0].numel()
            parameter.copy_(drawn / fan**0.5 if parameter.ndim > 1 else torch.zeros_like(drawn))
    return model


def train(
    model: nn.Module,
    policy: Policy,
    x: Float[Tensor, "m C h w"],
    y: Int[Tensor, " m"],
    steps: int,
    seed: int = 0,
    rate: float = 1e-2,
) -> nn.Module:
    """Adam on the full batch with mixlib's own objective."""
    train_objective(MixOnce(Net(model), policy), x, y, steps, seed, rate)
    return model.requires_grad_(False)


def train_objective(
    objective: Objective,
    x: Float[Tensor, "m C h w"],
    y: Int[Tensor, " m"],
    steps: int,
    seed: int = 0,
    rate: float = 1e-2,
) -> None:
    """Adam on the full batch, in place: for objectives that train their masks, too (AutoMix)."""
    trained = [p for group in objective.groups().values() for p in group]
    optimizer = torch.optim.Adam(trained, rate)
    for step in range(steps):
        loss = objective(x, y, generator(seed, "mix", step)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective.update_teacher(step)


STEPS = 200


def unmixed_states(
    x: Float[Tensor, "m C h w"], y: Int[Tensor, " m"], seed: int = 0
) -> dict[str, nn.Module]:
    """The random network, and the same one overfitted to the unmixed data."""
    random, overfitted = (_fresh(x, y, seed) for _ in range(2))
    return {
        "random": random.requires_grad_(False),
        "overfitted": train(overfitted, vanilla(), x, y, 2 * STEPS, seed),
    }


def _fresh(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    return network(x.shape[-1], int(y.max()) + 1, derive(seed, "state"), x.shape[1])


def states(
    law: MaskLaw,
    lam: LamLaw,
    x: Float[Tensor, "m C h w"],
    y: Int[Tensor, " m"],
    seed: int = 0,
    unmixed: dict[str, nn.Module] | None = None,
) -> dict[str, nn.Module]:
    """The same initial network random, trained with the law, and overfitted without it.

    Args:
        unmixed: the first and the last of them (:func:`unmixed_states`), which do not depend on the
            law; made here if not given.
    """
    shared = unmixed_states(x, y, seed) if unmixed is None else unmixed
    mixed = ByLaw(law, lam, "sample", "permute")
    trained = train(_fresh(x, y, seed), mixed, x, y, STEPS, seed)
    return {"random": shared["random"], "trained": trained, "overfitted": shared["overfitted"]}
