"""Hugging Face's Trainer with any method of the catalog; the trainer stays as it is.

    objective = mixlib.objective("automix", model, steps=trainer_steps)
    Trainer(TrainerModel(objective), args, callbacks=[follow_teacher(objective)], ...)

The trainer calls its model with the batch's columns and takes the loss that it answers with.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mixlib.core.net import logits_of
from mixlib.objectives import MixingObjective


class TrainerModel(nn.Module):
    """An objective as Hugging Face's trainers call a model.

    In training the loss is the method's; in evaluation, and without labels, nothing is mixed and
    the logits are those of the network that is kept.

    Args:
        objective: what :func:`mixlib.objective` returns.

    Example:
        >>> import mixlib, torch
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
        >>> trained = TrainerModel(mixlib.objective("cutmix", model)).eval()
        >>> answer = trained(pixel_values=torch.rand(2, 3, 4, 4), labels=torch.tensor([0, 2]))
        >>> sorted(answer), answer["logits"].shape
        (['logits', 'loss'], torch.Size([2, 3]))
    """

    # a signature without **words: a trainer would take them for a sign that the model divides the
    # loss by the accumulated batches itself
    def __init__(self, objective: MixingObjective) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The trainer's answer: "loss" where there are labels, and "logits" in evaluation.

        Args:
            pixel_values: images [B, C, H, W].
            labels: int64 [B], or rows [B, Y].
        """
        if labels is None:
            return {"logits": logits_of(self.objective.predictor()(pixel_values))}
        step = self.objective(pixel_values, labels)
        if self.training or step.logits is None:
            return {"loss": step.loss}
        return {"loss": step.loss, "logits": step.logits}


def follow_teacher(objective: MixingObjective) -> Any:
    """A callback for Hugging Face's trainers that calls ``update_teacher`` after every optimizer
    step.

    Args:
        objective: the same that the trainer's model holds.
    """
    from transformers import TrainerCallback

    class FollowTeacher(TrainerCallback):
        """Tells the objective which optimizer step has been taken."""

        def on_step_end(self, args: Any, state: Any, control: Any, **words: Any) -> None:
            objective.update_teacher(state.global_step - 1)

    return FollowTeacher()
