"""AutoMix in a plain PyTorch loop around a timm model.

Random images stand in for a dataset; replace ``batches`` by your loader.
"""

from collections.abc import Iterator

import timm
import torch

from mixlib.core.net import Net, inference
from mixlib.methods.automix import PRESETS, AutoMix, Features

STEPS = 4


def batches(n: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    data = torch.Generator().manual_seed(0)
    for _ in range(n):
        x = torch.randn(8, 3, 32, 32, generator=data)
        yield x, torch.randint(10, (8,), generator=data)


model = timm.create_model("resnet10t", num_classes=10)
automix = AutoMix(Net(model), Features("layer3", channels=256), PRESETS["paper"].spec, steps=STEPS)
groups = automix.groups()
optimizer = torch.optim.SGD([{"params": g} for g in groups.values()], lr=0.1, momentum=0.9)
rng = torch.Generator().manual_seed(1)  # every draw of the method comes from here

automix.train()
for i, (x, y) in enumerate(batches(STEPS)):
    step = automix(x, y, rng)
    optimizer.zero_grad()
    step.loss.backward()
    optimizer.step()
    automix.update_teacher(i)  # the momentum network follows
    print(i, {name: round(float(term), 3) for name, term in step.terms.items()})

trained = automix.predictor()  # a timm model again: same class, same names in its state_dict
with inference(trained):
    print("predicted classes:", trained(x).argmax(1).tolist())
