"""What is said below a mixed image of the figure."""

from __future__ import annotations

import torch

from paper_tables.drawings.label_mismatch import mask_words
from paper_tables.drawings.mixed_pair import BY_AREA, MixedImage


def words(own: torch.Tensor, *notes: str) -> str:
    shares = torch.stack([own, 1 - own, torch.zeros_like(own)])
    return mask_words(MixedImage(torch.zeros(3, 2, 2), shares, (0.5, 0.5), notes))


def test_an_even_mask_is_told_from_one_with_shape():
    assert words(torch.full((2, 2), 0.5)) == "upper image: mean share 0.50, sd 0.00"
    own = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert words(own, BY_AREA) == "upper image: mean share 0.75, sd 0.50; label\nby area"
