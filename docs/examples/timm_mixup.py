"""A drop-in for timm.data.Mixup in a training script: one import.

Random images stand in for a dataset.
"""

import timm
import torch
from timm.loss import SoftTargetCrossEntropy

from mixlib.adapters.timm_mixup import Mixup  # was: from timm.data import Mixup

mixup_fn = Mixup(
    mixup_alpha=0.8, cutmix_alpha=1.0, mode="elem", label_smoothing=0.1, num_classes=10
)
model = timm.create_model("resnet10t", num_classes=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
data = torch.Generator().manual_seed(0)
for step in range(3):
    x, y = torch.randn(7, 3, 32, 32, generator=data), torch.randint(10, (7,), generator=data)
    x, target = mixup_fn(x, y)  # an odd batch is fine
    loss = SoftTargetCrossEntropy()(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, round(loss.item(), 3))
