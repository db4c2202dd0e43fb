"""A Lightning module that trains with FMix: one callback, and the module stays as it is.

Random images stand in for a dataset.
"""

import lightning.pytorch as pl
import timm
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import mixlib
from mixlib.adapters.lightning_callback import MixCallback


class Classifier(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.model = timm.create_model("resnet10t", num_classes=10)

    def training_step(self, batch, batch_idx):
        images, labels = batch
        return F.cross_entropy(self.model(images), labels)  # takes indices and soft labels

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


data = torch.Generator().manual_seed(0)
images, labels = torch.randn(32, 3, 32, 32, generator=data), torch.arange(32) % 10
mixing = MixCallback(mixlib.build("fmix"), num_classes=10, seed=0)
trainer = pl.Trainer(
    max_epochs=1,
    accelerator="cpu",
    callbacks=[mixing],
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(Classifier(), DataLoader(TensorDataset(images, labels), batch_size=8))
print("own shares of the last batch:", mixing.mixed.mix.weight[:, 0].tolist())
