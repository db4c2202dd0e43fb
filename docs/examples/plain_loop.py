"""A mixing method in a plain PyTorch loop: a mixer, a generator, and its loss.

Random images stand in for a dataset.
"""

import timm
import torch

import mixlib
from mixlib.core.labels import BinaryCrossEntropy

model = timm.create_model("resnet10t", num_classes=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
data, rng = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)

for mixer in (
    mixlib.build("cutmix", alpha=1.0),
    mixlib.build("puzzlemix", net=model, family="cifar", blocks=(2, 4)),  # reads its gradients
):
    images = torch.randn(8, 3, 32, 32, generator=data)
    labels = torch.randint(10, (8,), generator=data)
    mixed = mixer(images, labels, rng)
    logits = model(mixed.images)
    loss = mixed.loss(logits)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    binary = mixed.loss(logits, BinaryCrossEntropy(target="two-hot"))  # as RSB trains
    print(mixer.method.title, round(loss.item(), 3), round(binary.item(), 3))
    print("own share of each label:", [round(w, 2) for w in mixed.mix.weight[:, 0].tolist()])
