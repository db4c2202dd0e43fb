"""Hugging Face's Trainer around an objective: training mixes, evaluation does not, the teacher
follows; the trainer itself where transformers and accelerate are installed."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mixlib
from mixlib.adapters.transformers_trainer import TrainerModel, follow_teacher

CLASSES = 3


def network() -> nn.Module:
    torch.manual_seed(0)
    stem = [nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1)]
    return nn.Sequential(*stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))


def test_it_answers_as_a_trainer_expects():
    objective = mixlib.objective("cutmix", network())
    model = TrainerModel(objective)
    assert list(inspect.signature(model.forward).parameters) == ["pixel_values", "labels"]
    x, y = torch.rand(4, 3, 16, 16), torch.arange(4) % CLASSES
    answer = model(pixel_values=x, labels=y)
    assert list(answer) == ["loss"]
    answer["loss"].backward()
    model.eval()
    answer = model(pixel_values=x, labels=y)
    torch.testing.assert_close(answer["loss"], F.cross_entropy(answer["logits"], y))
    assert torch.equal(model(pixel_values=x)["logits"], answer["logits"])


class Squares(torch.utils.data.Dataset):
    """Images whose class is the channel that is bright."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> dict[str, object]:
        image = torch.zeros(3, 16, 16)
        image[index % CLASSES] = 1
        return {"pixel_values": image, "labels": index % CLASSES}


@pytest.mark.parametrize("name", ["cutmix", "automix"])
def test_the_trainer_trains(name, tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    words = {"automix": {"site": "3"}}.get(name, {})
    objective = mixlib.objective(name, network(), steps=6, **words)
    args = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=6, per_device_train_batch_size=4, report_to=[],
        learning_rate=0.05, use_cpu=True, gradient_accumulation_steps=2, save_strategy="no",
    )  # fmt: skip
    trainer = transformers.Trainer(
        TrainerModel(objective), args, train_dataset=Squares(), eval_dataset=Squares(),
        callbacks=[follow_teacher(objective)],
    )  # fmt: skip
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert objective.draws.step == 6
    metrics = trainer.evaluate()
    assert metrics["eval_loss"] != before
    assert trainer.predict(Squares()).predictions.shape == (24, CLASSES)
    trainer.save_model(str(tmp_path / "saved"))
    assert any((tmp_path / "saved").iterdir())
