"""In Lightning: training batches are mixed, others are not, and a run repeats itself."""

from __future__ import annotations

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import mixlib
from mixlib.adapters.lightning_callback import MixCallback

CLASSES = 4


class Recorder(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, CLASSES))
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.validated: list[torch.Tensor] = []

    def training_step(self, batch, batch_idx):
        images, labels = batch
        self.seen.append((images, labels))
        return F.cross_entropy(self.model(images), labels)

    def validation_step(self, batch, batch_idx):
        self.validated.append(batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(loader, callback) -> Recorder:
    module = Recorder()
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[callback], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, loader, loader)
    return module


@pytest.fixture
def loader():
    data = torch.Generator().manual_seed(0)
    images = torch.rand(12, 3, 8, 8, generator=data)
    return DataLoader(TensorDataset(images, torch.arange(12) % CLASSES), batch_size=5)


def test_training_sees_mixed_batches_and_validation_does_not(loader):
    callback = MixCallback(mixlib.build("mixup"), num_classes=CLASSES, seed=1)
    module = train(loader, callback)
    assert len(module.seen) == 2 * 3
    for _, labels in module.seen:
        assert labels.shape[1:] == (CLASSES,)
        torch.testing.assert_close(labels.sum(1), torch.ones(len(labels)))
    assert any((labels.max(1).values < 0.999).any() for _, labels in module.seen)
    assert all(labels.ndim == 1 for labels in module.validated)
    assert callback.mixed is not None
    assert callback.mixed.labels.ndim == 1


def test_a_run_repeats_itself_and_epochs_differ(loader):
    runs = [
        train(loader, MixCallback(mixlib.build("cutmix"), num_classes=CLASSES, seed=2)).seen
        for _ in range(2)
    ]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(*runs, strict=True))
    assert not torch.equal(runs[0][0][1], runs[0][3][1])


def test_a_tuple_is_refused(loader):
    loader.collate_fn = lambda samples: tuple(torch.utils.data.default_collate(samples))
    with pytest.raises(TypeError, match="as a list"):
        train(loader, MixCallback(mixlib.build("mixup"), num_classes=CLASSES))
