"""Mask laws: the random mask of a sample's own image, given lambda.

The law of lambda (:mod:`mixlib.core.lam`) is separate because the theory draws lambda from a tilted
law and then the *same* masks as training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.mix import Boxes


class MaskLaw(ABC):
    """Law of the mask of a sample's own image, given lambda.

    A subclass is final and states ``unbiased`` (is E[M | lambda] = lambda everywhere?) and
    ``label``: whether the label share is the drawn lambda or the realized mean of the mask.
    ``flat``: the mask is the drawn lambda itself, at every pixel.  ``follows_lambda``: lambda has
    an influence on the mask (SmoothMix draws the width of its bell by itself).

    Example:
        >>> from mixlib.methods.cutmix import Box
        >>> rng = torch.Generator().manual_seed(0)
        >>> Box("wrap").sample(torch.tensor([0.75]), (4, 4), rng).mean()  # a box of 2 x 2
        tensor(0.7500)
    """

    unbiased: bool = False
    label: Literal["drawn", "realized"] = "realized"
    flat: bool = False
    follows_lambda: bool = True

    @abstractmethod
    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"] | Boxes:
        """One mask per lambda in its natural form: dense (values of the own image) or the partner's
        boxes."""

    @final
    def sample(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        """The same draw, always dense: what the theory measures.  Values in [0, 1], dtype of
        ``lam``."""
        return as_dense(self.draw(lam, size, rng), size, lam.dtype)


# What a file with mask laws registers at its foot, ``LAWS: Laws = {...}``: by name, a function from
# the masks' size (h, w) to a law; most laws suit any size.  Collected by mixlib.catalog.laws.
Laws = Mapping[str, Callable[[tuple[int, int]], MaskLaw]]


def as_dense(
    own: Tensor | Boxes, size: tuple[int, int], dtype: torch.dtype
) -> Float[Tensor, "n h w"]:
    """A drawn mask of the own image as a tensor of the full size."""
    if isinstance(own, Boxes):
        return (~own.inside()).to(dtype)
    return own.to(dtype).expand(-1, *size)


def label_share(law: MaskLaw, lam: Float[Tensor, " n"], own: Tensor | Boxes) -> Float[Tensor, " n"]:
    """Label share of the own image under the law's label rule."""
    if law.label == "drawn":
        return lam
    return own.share_outside() if isinstance(own, Boxes) else own.mean(dim=(1, 2))
