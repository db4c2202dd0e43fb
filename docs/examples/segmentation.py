"""Segmentation trained on mixed images and their mixed masks: CutMix, then blended images.

Generated scenes stand in for a dataset: a bright disc (class 1) or square (class 2) on noise.
"""

import torch
from torch import nn
from torch.nn import functional as F

import mixlib

CLASSES, SIDE = 3, 32
data, rng = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)


def scenes(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images [B, 3, H, W] and class maps [B, H, W]."""
    images = 0.3 * torch.randn(count, 3, SIDE, SIDE, generator=data)
    maps = torch.zeros(count, SIDE, SIDE, dtype=torch.int64)
    y, x = torch.meshgrid(2 * [torch.arange(SIDE, dtype=torch.float32)], indexing="ij")
    for b in range(count):
        cy, cx = torch.randint(8, SIDE - 8, (2,), generator=data).tolist()
        kind = b % 2 + 1
        far = (y - cy).abs().maximum((x - cx).abs()) if kind == 2 else (y - cy).hypot(x - cx)
        maps[b][far < 7] = kind
        images[b, kind - 1][far < 7] += 1
    return images, maps


torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, CLASSES, 1),
)  # fmt: skip
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(60):
    mixer = mixlib.build("cutmix" if step % 2 else "mixup", alpha=1.0)
    images, maps = scenes(8)
    mixed = mixer(images, torch.zeros(8, dtype=torch.int64), rng)
    # shares [B, classes, H, W]: a cross-entropy with soft targets at every pixel
    loss = F.cross_entropy(model(mixed.images), mixed.masks(maps, classes=CLASSES))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

images, maps = scenes(16)
shown = model(images).argmax(1)
each = [
    ((shown == c) & (maps == c)).sum() / ((shown == c) | (maps == c)).sum() for c in range(CLASSES)
]
print("intersection over union of background, disc, square:", [round(float(v), 2) for v in each])
assert min(each) > 0.5
