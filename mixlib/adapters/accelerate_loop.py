"""A training step in a loop of Hugging Face's accelerate, with any method of the catalog.

    objective, optimizer, loader = accelerator.prepare(objective, optimizer, loader)
    for batch in loader:
        training_step(accelerator, objective, optimizer, batch)

Mixed precision, several processes and accumulated batches are accelerate's affair; the teacher
follows when the optimizer has stepped.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mixlib.core.objective import Step
from mixlib.objectives import MixingObjective


def training_step(
    accelerator: Any,
    objective: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Any,
    clip: float | None = None,
) -> Step:
    """Forward, backward, optimizer step and teacher, for one batch.

    Args:
        accelerator: an ``accelerate.Accelerator``.
        objective: what :func:`mixlib.objective` returns, prepared or not.
        optimizer: prepared.
        batch: a pair or a mapping, see :func:`mixlib.core.batch.paths_of`.
        clip: largest norm of the gradients.

    Raises:
        TypeError: the objective is none of :func:`mixlib.objective`.
    """
    inner = accelerator.unwrap_model(objective)
    if not isinstance(inner, MixingObjective):
        raise TypeError(
            f"expected what mixlib.objective(name, model) returns, got {type(inner).__name__}"
        )
    with accelerator.accumulate(objective):
        step: Step = objective(batch)
        accelerator.backward(step.loss)
        if clip is not None and accelerator.sync_gradients:
            accelerator.clip_grad_norm_(objective.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        if accelerator.sync_gradients:
            inner.update_teacher(inner.draws.step)
    return step
