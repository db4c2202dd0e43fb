"""The algebra: blending equals the definition, for every form of mask and tensor."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixlib.core.mix import Boxes, Mix, blend, identity, pair


def definition(mix: Mix, x: torch.Tensor) -> torch.Tensor:
    """sum_k mask * x[source], written down slowly."""
    mask = mix.dense().expand(len(x), -1, *x.shape[-2:])
    return torch.stack(
        [
            sum(mask[b, k] * x[mix.source[b, k]] for k in range(mix.source.shape[1]))
            for b in range(len(x))
        ]
    )


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 6),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    form=st.sampled_from(["flat", "dense", "batch", "boxes", "wrapped"]),
    seed=st.integers(0, 10_000),
)
def test_blend_is_the_weighted_sum(n, size, form, seed):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, *size, generator=rng)
    partner = torch.randperm(n, generator=rng)
    own: torch.Tensor | Boxes = torch.rand(n, *size, generator=rng)
    if form == "flat":
        own = own[:, :1, :1]
    elif form == "batch":
        own = own[:1]
    elif form in ("boxes", "wrapped"):
        h, w = size
        top, left = torch.randint(h, (n,), generator=rng), torch.randint(w, (n,), generator=rng)
        height = (h - top) if form == "boxes" else torch.randint(h + 1, (n,), generator=rng)
        own = Boxes(torch.stack([top, left, height, (w - left) // 2], 1), size)
    mix = pair(partner, own, torch.rand(n, generator=rng))
    torch.testing.assert_close(blend(mix, x), definition(mix, x), atol=1e-6, rtol=1e-5)


def test_a_shift_is_the_same_as_its_gather():
    x = torch.randn(5, 3, 4, 4)
    own = torch.rand(5, 4, 4)
    partner = (torch.arange(5) + 2) % 5
    slow, fast = (pair(partner, own, torch.ones(5), shift=shift) for shift in (None, 2))
    torch.testing.assert_close(blend(fast, x), blend(slow, x), atol=0, rtol=0)


def test_three_sources_and_moved_parts():
    x = torch.randn(2, 3, 4, 4)
    mask = torch.rand(2, 3, 4, 4).softmax(1)
    source = torch.tensor([[0, 1, 1], [1, 0, 1]])
    mix = Mix(source, torch.full((2, 3), 1 / 3), mask)
    torch.testing.assert_close(blend(mix, x), definition(mix, x))
    parts = torch.randn(3, 2, 3, 4, 4)
    moved = Mix(source, mix.weight, mask, parts=tuple(parts))
    expected = torch.einsum("bkhw,kbchw->bchw", mask, parts)
    torch.testing.assert_close(blend(moved, x), expected)
    half = Mix(source, mix.weight, mask, parts=(None, parts[1], None))
    parts = torch.stack([x[source[:, 0]], parts[1], x[source[:, 2]]])
    torch.testing.assert_close(blend(half, x), torch.einsum("bkhw,kbchw->bchw", mask, parts))


def test_tokens_follow_the_grid_of_the_mask():
    tokens = torch.randn(2, 6, 5)
    own = torch.rand(2, 2, 3)
    mix = pair(torch.tensor([1, 0]), own, torch.ones(2))
    image = tokens.transpose(1, 2).reshape(2, 5, 2, 3)
    expected = blend(mix, image).flatten(2).transpose(1, 2)
    torch.testing.assert_close(blend(mix, tokens), expected)


def test_a_mask_of_ones_changes_no_bit_in_half_precision():
    x = torch.randn(3, 3, 8, 8).bfloat16()
    mix = pair(torch.tensor([1, 2, 0]), torch.ones(3, 8, 8), torch.ones(3))
    assert torch.equal(blend(mix, x), x)


def test_memory_format_and_gradients_are_kept():
    x = torch.randn(3, 4, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    own = torch.rand(3, 8, 8, requires_grad=True)
    out = blend(pair(torch.tensor([1, 2, 0]), own, torch.ones(3)), x)
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.square().sum().backward()
    assert x.grad is not None
    assert own.grad is not None


def test_identity_returns_the_batch_itself():
    x = torch.randn(3, 3, 4, 4)
    assert blend(identity(3), x) is x


@pytest.mark.parametrize(
    ("shape", "words"), [((2, 3, 4, 4), "3 samples"), ((3, 4), "images"), ((3, 7, 2), "7 tokens")]
)
def test_wrong_batches_are_refused(shape, words):
    mix = pair(torch.tensor([1, 2, 0]), torch.rand(3, 4, 4), torch.ones(3))
    with pytest.raises(ValueError, match=words):
        blend(mix, torch.randn(shape))
