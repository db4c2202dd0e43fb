"""Mixing in a DataLoader, in the place of torchvision's CutMix.

Random images stand in for a dataset.
"""

import torch
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

import mixlib
from mixlib.adapters.collate import MixCollate

data = torch.Generator().manual_seed(0)
images, labels = torch.rand(32, 3, 32, 32, generator=data), torch.arange(32) % 10

before = v2.CutMix(num_classes=10)
after = MixCollate(mixlib.build("cutmix", alpha=1.0), num_classes=10, seed=0)
for cutmix in (before, after):  # the same call, the same shapes
    mixed, targets = cutmix(images, labels)
    print(tuple(mixed.shape), tuple(targets.shape), "row sums", targets.sum(1).unique().tolist())

# or as the loader's collate_fn: mixed in the workers, each with a generator of its own
loader = DataLoader(
    TensorDataset(images, labels),
    batch_size=8,
    shuffle=True,
    num_workers=2,
    collate_fn=after,
    generator=torch.Generator().manual_seed(0),  # makes order and draws repeatable
)
for mixed, targets in loader:
    print(tuple(mixed.shape), "classes in a label:", int((targets > 0).sum(1).max()))
