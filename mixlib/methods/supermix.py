"""SuperMix: masks optimized until a teacher predicts a given mixture of classes.

Dabouei et al., "SuperMix: Supervising the Mixing Data Augmentation", CVPR 2021, section 3: masks of
K images are optimized, starting from even ones, until the teacher's K most likely classes of the
mixed image are those of the K images; the target is a Dirichlet mixture.  Steps are Newton-like:
the loss over its squared gradient, along a smoothed gradient.  Up to 50 forward-backward passes per
batch, so the authors generate their images once and store them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, Natural, NotNegative, Positive, Range, Share, checked
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net, inference
from mixlib.core.policy import Policy

STEPS = (1e-4, 2000.0)  # limits of the step length
MOST = 50  # iterations


def gaussian(sigma: float) -> Float[Tensor, " taps"]:
    """int(5 sigma) taps of a bell of standard deviation int(5 sigma) / 5, summing to one."""
    taps = max(int(5 * sigma), 1)
    place = torch.arange(taps) - (taps - 1) / 2
    kernel = torch.exp(-0.5 * (place * 5 / taps).square())
    return kernel / kernel.sum()


def smoothed(x: Float[Tensor, "N 1 h w"], sigma: float) -> Float[Tensor, "N 1 h w"]:
    """Blurred with zeros around; an even number of taps reaches further down and right."""
    kernel = gaussian(sigma).to(x)
    before, after = (len(kernel) - 1) // 2, len(kernel) // 2
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))


def full_masks(logits: Float[Tensor, "B K h w"], size: tuple[int, int]) -> Float[Tensor, "B K H W"]:
    """Masks at full size that sum to one: sigmoids over their sum."""
    up = F.interpolate(logits, size, mode="bilinear", align_corners=False).sigmoid()
    return up / up.sum(1, keepdim=True)


@dataclass(frozen=True)
class Search:
    """How masks are searched.

    Args:
        side: of the masks that are optimized (CIFAR 8, ImageNet 16).
        sigma: of the gradient's blur.
        sparsity: weight of mean |m (m - 1)|.
        unsolved: stop once at most this share of the batch is unsolved.
        iterations: at most so many.
    """

    side: int = 8
    sigma: float = 1.0
    sparsity: float = 25.0
    unsolved: float = 0.7
    iterations: int = MOST


def optimize(
    predict: Callable[[Tensor], Tensor],
    images: Float[Tensor, "B K C H W"],
    target: Float[Tensor, "B Y"],
    search: Search,
) -> tuple[Float[Tensor, "B K H W"], Bool[Tensor, " B"], int]:
    """Masks, whether they were found, and the number of iterations.

    Args:
        predict: images [B, C, H, W] -> logits [B, Y].
        images: the K images of every mixture.
        target: the prediction that is wanted; its K largest classes must become the predicted ones.
        search: see :class:`Search`.
    """
    batch, k, _, height, width = images.shape
    k_classes = min(k, target.shape[1])
    wanted = target.topk(k_classes, 1).indices.sort(1).values
    logits = images.new_zeros(batch, k, search.side, search.side)
    active = torch.ones(batch, device=images.device, dtype=images.dtype)
    turn, masks = 0, full_masks(logits, (height, width))
    while turn < search.iterations and float(active.sum()) > search.unsolved * batch:
        step = _step(predict, images, target, logits, active, search)
        logits = logits - step * active[:, None, None, None]
        masks = full_masks(logits, (height, width))
        found = predict((masks[:, :, None] * images).sum(1)).topk(k_classes, 1).indices
        active = (found.sort(1).values != wanted).any(1).to(images.dtype)
        turn += 1
    return masks, active == 0, turn


def _step(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    target: Tensor,
    logits: Tensor,
    active: Tensor,
    search: Search,
) -> Float[Tensor, "B K h w"]:
    """The loss over its slope along the smoothed gradient, times that gradient."""
    with torch.enable_grad():
        seen = logits.detach().requires_grad_()
        masks = full_masks(seen, (images.shape[-2], images.shape[-1]))
        log_p = predict((masks[:, :, None] * images).sum(1)).log_softmax(1)
        divergence = (torch.xlogy(target, target) - target * log_p).sum(1)
        spread = (masks * (masks - 1)).abs().mean((1, 2, 3))
        loss = (divergence + search.sparsity * spread) * active
        gradient = torch.autograd.grad(loss.sum(), seen)[0]
    soft = smoothed(gradient.flatten(0, 1)[:, None], search.sigma).view_as(gradient)
    slope = (gradient * soft).sum((1, 2, 3))
    length = (loss.detach().abs() / (slope + 1e-10)).clamp(*STEPS)
    return length[:, None, None, None] * soft


@dataclass(frozen=True, eq=False)
class SuperMix(Policy):
    """SuperMix in the training loop: samples for which no mask is found stay as they are.

    Args:
        teacher: a pretrained network; None asks the network in training itself.
        images: K, of every mixture.
        alpha: of the Dirichlet target.
        search: of the masks.
    """

    needs = frozenset({"teacher"})

    teacher: Net | None = None
    images: int = 2
    alpha: float = 3.0
    search: Search = Search()

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("SuperMix needs a teacher, or the net in training")
        if self.teacher is not None and next(self.teacher.parameters()).device != z.device:
            self.teacher.to(z.device)  # no part of the objective, which the loop has moved
        batch = len(z)
        concentration = torch.full((batch, self.images), float(self.alpha), device=rng.device)
        share = torch._sample_dirichlet(concentration, generator=rng).to(z.device)
        # as the authors: everyone with the next samples of the batch
        ahead = torch.arange(self.images, device=z.device)
        source = (torch.arange(batch, device=z.device)[:, None] + ahead) % batch
        with inference(looking):
            predicted = looking(z)[0].float()
            target = torch.zeros_like(predicted)
            target.scatter_add_(1, predicted.argmax(1)[source], share)
            masks, found, _ = optimize(
                lambda x: looking(x.to(z.dtype))[0].float(), z[source].float(), target, self.search
            )
        unmixed = torch.zeros_like(share).index_fill_(1, ahead[:1], 1.0)
        weight = torch.where(found[:, None], share, unmixed)
        mask = torch.where(found[:, None, None, None], masks, unmixed[:, :, None, None])
        return Mix(source, weight, mask)


@checked
def supermix(
    teacher: Net | None = None,
    images: Annotated[int, Range(low=2)] = 2,
    alpha: Positive = 3.0,
    side: Count = 8,
    sigma: Positive = 1.0,
    sparsity: NotNegative = 25.0,
    unsolved: Share = 0.7,
    iterations: Natural = MOST,
) -> Policy:
    """SuperMix (Dabouei et al., CVPR 2021); parameters are those of :class:`SuperMix` and
    :class:`Search`.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = supermix(iterations=1).draw(images, labels, net, rng)
        >>> mix.mask.shape
        torch.Size([4, 2, 32, 32])
    """
    return SuperMix(teacher, images, alpha, Search(side, sigma, sparsity, unsolved, iterations))


ROW = Method(
    "supermix",
    "SuperMix",
    "supermix",
    "Dabouei et al., SuperMix: Supervising the Mixing Data Augmentation, CVPR 2021, "
    "arXiv:2003.05034",
    2021,
    {"default": {"side": 16}, "cifar": {"side": 8}, "generated": {"side": 8}},
    frozenset({"teacher"}),
)
