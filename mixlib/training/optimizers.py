"""Optimizers of a recipe: parameter groups, weight decay, learning rate of each group and step."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn

from mixlib.training.recipes import Recipe
from mixlib.training.schedules import Array, cosine


def exempt(root: nn.Module) -> frozenset[nn.Parameter]:
    """Parameters that the networks inside say are not to be decayed (timm's ``no_weight_decay``):
    position embeddings, class tokens, tables of relative positions.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> vit = VisionTransformer(16, 8, embed_dim=12, depth=1, num_heads=2)
        >>> exempt(nn.Sequential(vit)) == {vit.pos_embed, vit.cls_token}
        True
    """
    found = set()
    for module in root.modules():
        names = getattr(module, "no_weight_decay", None)
        if callable(names):
            own = dict(module.named_parameters())
            found |= {own[name] for name in names() if name in own}
    return frozenset(found)


def build(
    groups: Mapping[str, list[nn.Parameter]],
    recipe: Recipe,
    undecayed: Collection[nn.Parameter] = frozenset(),
) -> torch.optim.Optimizer:
    """The recipe's optimizer over an objective's parameter groups.

    Every group carries its ``name``, by which :func:`set_rates` finds its schedule.

    Args:
        groups: of the objective.
        recipe: with ``decay_all`` off, neither biases and norm layers (tensors of fewer than two
            dimensions) nor the ``undecayed`` are decayed.
        undecayed: see :func:`exempt`.

    Raises:
        ValueError: the recipe names an optimizer that is not "sgd", "adamw" or "lamb".
    """
    rows = []
    for name, parameters in groups.items():
        for decayed in (True, False):
            chosen = [
                p
                for p in parameters
                if (recipe.decay_all or (p.ndim > 1 and p not in undecayed)) == decayed
            ]
            decay = recipe.weight_decay if decayed else 0.0
            if chosen:
                rows.append({"params": chosen, "name": name, "weight_decay": decay})
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            rows, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, foreach=True
        )
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(rows, lr=recipe.lr, foreach=True)
    if recipe.optimizer == "lamb":
        from timm.optim import Lamb

        return Lamb(rows, lr=recipe.lr)
    raise ValueError(f"optimizer must be sgd, adamw or lamb, got {recipe.optimizer!r}")


def rates(recipe: Recipe, epochs: int, steps_per_epoch: int) -> dict[str, Array]:
    """Learning rate of every group at every step.

    A floor above the block's own rate keeps that rate: a slow block is not sped up by a floor.
    """
    steps, warmup = epochs * steps_per_epoch, recipe.warmup_epochs * steps_per_epoch
    hold = steps_per_epoch if recipe.schedule_by == "epoch" else 1
    net = cosine(steps, recipe.lr, recipe.min_lr, warmup=warmup, hold=hold)
    if recipe.block_lr is None:
        return {"net": net, "block": net}
    low = recipe.block_min_lr if recipe.block_min_lr is not None else recipe.min_lr
    low = min(low, recipe.block_lr)
    return {"net": net, "block": cosine(steps, recipe.block_lr, low, warmup=warmup, hold=hold)}


def set_rates(optimizer: torch.optim.Optimizer, values: Mapping[str, Array], step: int) -> None:
    """Writes the learning rates of one step into the optimizer."""
    for group in optimizer.param_groups:
        group["lr"] = float(values[group["name"]][step])
