"""Public implementations of FMix and AlignMix: what they compute, in their order.

They install from no package; their algorithms are written down here again, to be timed and nothing
else.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def fmix_mask(
    lam: float, size: tuple[int, int], draws: np.random.Generator, decay: float = 3.0
) -> np.ndarray:
    """One FMix mask as its authors' release makes it: a full spectrum of normal numbers, an inverse
    transform of the whole plane, a sort of all pixels."""
    h, w = size
    rows = np.fft.fftfreq(h)[:, None]
    cols = np.fft.fftfreq(w)[: w // 2 + 1 + w % 2]
    frequency = np.sqrt(cols * cols + rows * rows)
    scale = 1 / np.maximum(frequency, 1 / max(size)) ** decay
    spectrum = draws.normal(size=(1, *frequency.shape, 2)) * scale[None, ..., None]
    plane = np.fft.irfftn(spectrum[:, 0] + 1j * spectrum[:, 1], size, axes=(-2, -1))[:1]
    plane = (plane - plane.min()) / (plane.max() - plane.min())
    flat = plane.reshape(-1)
    order = flat.argsort()[::-1]
    count = math.ceil(lam * flat.size) if draws.random() > 0.5 else math.floor(lam * flat.size)
    flat[order[:count]] = 1
    flat[order[count:]] = 0
    return flat.reshape(1, h, w)


def sinkhorn_align(
    a: Tensor, b: Tensor, epsilon: float = 0.1, iterations: int = 100, threshold: float = 0.1
) -> Tensor:
    """AlignMix as released: all differences of two maps [B, C, h, w] in memory, the change of the
    potentials looked at in every iteration, then map ``b`` in the layout of ``a``."""
    batch, _, h, w = a.shape
    x, y = a.flatten(2).mT, b.flatten(2).mT
    cost = ((x[:, :, None] - y[:, None]) ** 2).sum(-1)
    log_weight = math.log(1 / (h * w) + 1e-8)
    u, v = torch.zeros(batch, h * w), torch.zeros(batch, h * w)

    def scaled() -> Tensor:
        return (-cost + u[:, :, None] + v[:, None]) / epsilon

    for _ in range(iterations):
        before = u
        u = epsilon * (log_weight - torch.logsumexp(scaled(), 2)) + u
        v = epsilon * (log_weight - torch.logsumexp(scaled().mT, 2)) + v
        if (u - before).abs().sum(1).mean().item() < threshold:
            break
    plan = scaled().exp() * (h * w)
    return torch.matmul(b.flatten(2), plan.mT).view_as(b)
