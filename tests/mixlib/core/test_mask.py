"""What every mask law promises: values in [0, 1], any size, same generator same bytes, its label
share, and E[M | lambda] = lambda where it says so."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.core.mask import label_share
from mixlib.masks.designed import Cosines, Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.fmix import FMix
from mixlib.methods.gmix import GMix
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.random_tokens import CountedCells
from mixlib.methods.token_blocks import Blocks
from mixlib.seed import generator

LAWS = [
    Flat(),
    Box(),
    Box(odd="drop"),
    Box("wrap"),
    HMix(0.5),
    HMix(1.0),
    HMix(0.0),
    HMix(0.5, "wrap"),
    GMix("area"),
    FMix(),
    FMix(spectrum="two_rows", rounding="even"),
    FMix(max_soft=0.2),
    CountedCells((4, 4)),
    CountedCells((2, 3), extra=1),
    CoinCells((3, 2)),
    Blocks((7, 7), extra=3),
    Cosines(((1, 0), (2, -3)), (0.4, 0.6)),
    Mixture((Flat(), Box(), CoinCells((2, 2))), (0.2, 0.5, 0.3)),
    Mixture((Flat(), FMix()), (1.0, 1.0)),
]
SIZES = [(8, 8), (5, 9), (1, 1), (2, 2), (1, 6), (7, 3)]


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_sizes_and_repeatability(law, size):
    lam = torch.tensor([0.0, 1.0, 0.5, 0.31, 0.999, 1e-9], dtype=torch.float64)
    first = law.sample(lam, size, generator(3, "law"))
    again = law.sample(lam, size, generator(3, "law"))
    assert first.shape == (6, *size)
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.dtype == lam.dtype
    assert torch.equal(first, again)


@pytest.mark.parametrize("law", [law for law in LAWS if law.unbiased], ids=str)
@pytest.mark.parametrize("size", [(8, 8), (5, 9)], ids=str)
def test_unbiased_laws_have_mean_lambda_everywhere(law, size):
    n = 40_000
    for wanted in (0.1, 0.5, 0.83):
        lam = torch.full((n,), wanted, dtype=torch.float64)
        masks = law.sample(lam, size, generator(0, "mean", str(law)))
        z = (masks.mean(0) - wanted) / (masks.std(0) / n**0.5).clamp(min=1e-12)
        assert z.abs().max() < 5 or (masks.mean(0) - wanted).abs().max() < 1e-9


@pytest.mark.parametrize(
    "law", [HMix(0.5), HMix(1.0), FMix(max_soft=0.1), CountedCells((4, 4))], ids=str
)
def test_mean_of_the_mask_is_lambda_in_every_draw(law):
    lam = torch.linspace(0, 1, 17, dtype=torch.float64)[1:-1]
    masks = law.sample(lam, (16, 16), generator(1, "draw"))
    off = (masks.mean(dim=(1, 2)) - lam).abs()
    assert off.max() <= (1e-12 if isinstance(law, HMix) else 1 / 16)
    assert torch.equal(label_share(HMix(0.5), lam, masks), lam)


def test_blocks_count_and_shape():
    lam = torch.full((500,), 0.5, dtype=torch.float64)
    masks = Blocks((14, 14), extra=14).sample(lam, (14, 14), generator(0, "blocks"))
    partner = (1 - masks).sum(dim=(1, 2))
    assert partner.max() <= 112
    assert (partner == 112).double().mean() > 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: HMix(1.5),
        lambda: FMix(decay=-1.0),
        lambda: FMix(max_soft=0.7),
        lambda: CountedCells((0, 4)),
        lambda: CoinCells((4, 0)),
        lambda: Blocks((4, 4), extra=-1),
        lambda: GMix().draw(torch.ones(1).double(), (4, 6), generator(0)),
    ],
)
def test_bad_arguments_are_refused(make):
    with pytest.raises(ValueError, match=r"needs|square"):
        make()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bell_of_no_size_is_none_in_every_precision(dtype):
    lam = torch.tensor([0.0, 0.5, 1.0], dtype=dtype)
    mask = GMix().sample(lam, (4, 4), generator(0))
    assert mask.dtype == dtype
    assert mask.isfinite().all()
    assert (mask[0] == 0).all()
    assert (mask[2] == 1).all()


@pytest.mark.parametrize("alpha", [1e-10, 1e-4, 0.003, 0.0099, 0.01])
def test_a_beta_of_tiny_alpha_is_a_coin(alpha):
    """Both gamma variates underflow there, whose quotient is no half."""
    lam = Beta(alpha).sample(20_000, generator(0))
    assert ((lam > 0.4) & (lam < 0.6)).double().mean() < 3 * alpha + 1e-3
    assert lam.mean() == pytest.approx(0.5, abs=0.02)
    assert lam.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.02)
