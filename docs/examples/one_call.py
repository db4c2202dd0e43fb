"""Every method by one call, in a plain PyTorch loop: a loss, a step, a word to the teacher.

Needs torch alone.  Random images stand in for a dataset.
"""

from itertools import pairwise

import torch
from torch import nn

import mixlib

STEPS, CLASSES = 3, 10


def network() -> nn.Module:
    """Three stages; their places are found by looking at what passes through."""
    torch.manual_seed(0)
    widths = (3, 16, 32, 32)
    stages = [
        nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 1))
        for i, o in pairwise(widths)
    ]
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))


data = torch.Generator().manual_seed(0)
for name, words in {
    "cutmix": {"alpha": 1.0, "prob": 0.5},  # half of the batches
    "manifoldmix": {"until": 0.9},  # not in the last tenth of the run
    "automix": {"site": "stage2"},  # learns its masks, and keeps a teacher
}.items():
    objective = mixlib.objective(name, network(), steps=STEPS, **words)
    optimizer = torch.optim.SGD([p for p in objective.parameters() if p.requires_grad], lr=0.05)
    for i in range(STEPS):
        images = torch.randn(8, 3, 32, 32, generator=data)
        labels = torch.randint(CLASSES, (8,), generator=data)
        loss = objective({"image": images, "label": labels}).loss  # or objective(images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective.update_teacher(i)
    kept = objective.predictor().eval()
    with torch.no_grad():
        print(name, "loss", round(loss.item(), 3), "logits", tuple(kept(images).shape))
