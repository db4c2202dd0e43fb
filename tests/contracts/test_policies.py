"""What every policy of the catalog promises, at every size, batch size and precision.

The one-hot image test: sample b is the constant image e_b; blended and averaged over the pixels, a
sample's content is the share that its label must have.
"""

from __future__ import annotations

import inspect

import pytest
import torch
from scipy import stats
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from mixlib.catalog.methods import METHODS, method
from mixlib.core.method import resolve
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.core.policy import Policy

POLICIES = [name for name, row in METHODS.items() if row.objective == "once"]
BY_CONTENT = ("supermix", "tokenmix", "snapmix")  # label shares that are not the area's
LABELS_STAY = ("cutout", "random_erasing", "hide_and_seek")
SIZES = [(7, 5), (16, 16), (64, 64)]


class Looking(nn.Module):
    """Stands in for a transformer's attention: two heads, a class token, 4 x 4 cells."""

    def forward(self, x):
        cells = nn.functional.adaptive_avg_pool2d(x, 4).flatten(2).mean(1)
        row = nn.functional.pad(cells, (1, 0)).softmax(1)
        return row[:, None, None].expand(-1, 2, 17, 17)


class Small(nn.Module):
    """Four stages over any number of channels, any size."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        wide = (channels, 6, 6, 8, 8)
        for k in range(1, 5):
            stride = 2 if k in (2, 3) else 1
            setattr(self, f"layer{k}", nn.Conv2d(wide[k - 1], wide[k], 3, stride, 1))
        self.fc = nn.Linear(8, classes)
        self.attention = Looking()

    def forward(self, x):
        self.attention(x)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


def network(channels: int, classes: int) -> Net:
    torch.manual_seed(0)
    sites = {f"stage{k}": f"layer{k}" for k in range(1, 5)}
    return Net(Small(channels, classes), sites)


def teacher(channels: int) -> Net:
    """Knows as many classes as there are channels."""
    torch.manual_seed(1)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, channels))
    return Net(nn.Sequential(nn.Conv2d(channels, 6, 3, 1, 1), head), {"last": "0"})


class Pooled(nn.Module):
    """A transformer for images of any size and precision: it sees 16 x 16 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = VisionTransformer(
            16, 4, in_chans=channels, embed_dim=8, depth=3, num_heads=2, num_classes=channels
        )

    def forward(self, x):
        return self.body(nn.functional.adaptive_avg_pool2d(x.float(), 16))


def transformer(channels: int) -> Net:
    torch.manual_seed(2)
    return Net(Pooled(channels))


def data() -> torch.Generator:
    return torch.Generator().manual_seed(9)


def policy(name: str, channels: int, released: bool = False) -> Policy:
    """The catalog's policy, told of the images that these tests have."""
    changes = {
        "puzzlemix": {"std": (1.0,) * channels},
        "saliencymix": {"mean": (0.0,) * 3, "std": (1.0,) * 3},
        "attentivemix": {"side": None},
        # the search is compared with recordings elsewhere; here it need not succeed
        "supermix": {"iterations": 4},
        "relabel": {"teacher": teacher(channels)},
        "mixpro": {"cell": 2},
    }
    given = changes.get(name, {})
    if name == "mergemix":  # made for this one alone: it takes as long as a whole case
        given = {"teacher": transformer(channels)}
    return method(name).make(changes=given, released=released)


def draw(
    name: str,
    n: int,
    size: tuple[int, int],
    dtype: torch.dtype,
    seed: int,
    released: bool = False,
):
    """One-hot images [n, n, h, w] and a mix drawn for them."""
    x = torch.eye(n, dtype=dtype)[:, :, None, None].expand(n, n, *size).contiguous()
    rng = torch.Generator().manual_seed(seed)
    now = policy(name, n, released).choose(rng)
    # the byte-exact saliency is one of RGB images; its boxes fit any
    seen = torch.rand(n, 3, *size, dtype=dtype) if name == "saliencymix" else x
    net = network(n, n).to(dtype)
    return x, now.draw(seen, torch.arange(n), net, rng)


def expected_share(mix: Mix, n: int) -> torch.Tensor:
    return torch.zeros(n, n).scatter_add_(1, mix.source, mix.weight.float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("name", "size"),
    # AlignMix transports the cells of a feature map: 64 x 64 of them are no case, and take a minute
    [(name, size) for name in POLICIES for size in SIZES if (name, size) != ("alignmix", (64, 64))],
    ids=str,
)
def test_one_hot_images(name, size, n, dtype):
    for seed in range(2):
        x, mix = draw(name, n, size, dtype, seed)
        check_one_hot(name, x, mix)


@pytest.mark.parametrize("name", [name for name in POLICIES if METHODS[name].released])
def test_one_hot_images_as_released(name):
    for size in ((7, 5), (16, 16)):
        x, mix = draw(name, 3, size, torch.float32, 0, released=True)
        check_one_hot(name, x, mix)


def check_one_hot(name: str, x: torch.Tensor, mix: Mix) -> None:
    n, size, dtype = len(x), tuple(x.shape[2:]), x.dtype
    out = blend(mix, x)
    assert out.dtype == dtype
    assert out.shape == x.shape
    dense = mix.dense()
    assert dense.min() >= 0
    assert dense.max() <= 1
    torch.testing.assert_close(dense.sum(1), torch.ones_like(dense[:, 0]), atol=1e-5, rtol=0)
    assert (mix.source >= 0).all()
    assert (mix.source < n).all()
    if name in LABELS_STAY:
        assert torch.equal(expected_share(mix, n), torch.eye(n))
        return
    # labeled with the mixture that the teacher was made to see, or with what a network sees
    if name in ("supermix", "snapmix"):
        return
    if name == "tokenmix":  # labels by content; constant images look the same everywhere
        # 4 x 4 windows over 7 x 5 pixels overlap and so count some of them twice
        off = 0.2 if size == (7, 5) else 0.02
        mean = mix.dense().mean((2, 3)).expand_as(mix.weight)
        torch.testing.assert_close(mix.weight, mean, atol=off, rtol=0)
        return
    # FMix labels with the drawn lambda, AlignMix' plans end within a tolerance
    tolerance = {"fmix": 1 / (size[0] * size[1]), "alignmix": 0.02}.get(name, 1e-5)
    tolerance = max(tolerance, 0.01 if dtype == torch.bfloat16 else 0.0)
    share = out.float().mean((2, 3))
    torch.testing.assert_close(share, expected_share(mix, n), atol=tolerance, rtol=0)
    torch.testing.assert_close(mix.weight.sum(1), torch.ones(n), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_generator_gives_the_same_mix(name):
    (x, first), (_, again) = (draw(name, 3, (16, 16), torch.float32, 7) for _ in range(2))
    if name != "saliencymix":  # whose test images are drawn from the global generator
        assert torch.equal(blend(first, x), blend(again, x))
        assert torch.equal(first.weight, again.weight)
    before = torch.random.get_rng_state()
    now = policy(name, 3).choose(torch.Generator().manual_seed(0))
    net = network(3, 3)
    torch.random.set_rng_state(before)
    now.draw(torch.rand_like(x), torch.arange(3), net, torch.Generator().manual_seed(0))
    torch.rand_like(x)
    after = torch.random.get_rng_state()
    torch.random.set_rng_state(before)
    torch.rand_like(x), torch.rand_like(x)
    assert torch.equal(after, torch.random.get_rng_state()), "drew from the global generator"


@pytest.mark.parametrize("n", [2, 8])
@pytest.mark.parametrize("name", POLICIES)
def test_large_images_and_channels_last(name, n):
    x = torch.rand(n, 3, 224, 224).to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(1)
    now = policy(name, 3).choose(rng)
    if now.site != "input":
        return
    mix = now.draw(x, torch.arange(n) % 3, network(3, 3), rng)
    out = blend(mix, x)
    assert out.isfinite().all()
    if mix.parts is not None:
        return
    assert out.is_contiguous(memory_format=torch.channels_last)
    if name in BY_CONTENT:
        return
    one_hot = torch.eye(n)[:, :, None, None].expand(n, n, 224, 224)
    share = blend(mix, one_hot).mean((2, 3))
    torch.testing.assert_close(share, expected_share(mix, n), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", POLICIES)
def test_gradients_flow_back_through_the_mix(name):
    """Given the mix, its image is linear in the batch: the gradient is the adjoint of the mix."""
    x, mix = draw(name, 3, (16, 16), torch.float32, 5)
    data = torch.Generator().manual_seed(2)
    probe, other = (torch.randn(x.shape, generator=data) for _ in range(2))
    leaf = x.clone().requires_grad_()
    out = blend(mix, leaf)
    if mix.parts is not None and None not in mix.parts:
        # every pixel was moved or made up when the mix was drawn: constants
        assert not out.requires_grad
        return
    (out * probe).sum().backward()
    moved = blend(mix, other) - blend(mix, torch.zeros_like(other))
    torch.testing.assert_close((leaf.grad * other).sum(), (probe * moved).sum())
    # what no method moved or made up comes from the batch itself
    if mix.parts is None:
        torch.testing.assert_close(leaf.grad.sum(), probe.sum(), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", POLICIES)
def test_a_training_step_reaches_the_first_layer(name):
    row = method(name)
    net = network(3, 3)
    rule = None if row.rule is None else resolve(row.path(row.rule))()
    objective = MixOnce(net, policy(name, 3), rule)
    x, y = torch.rand(4, 3, 16, 16), torch.arange(4) % 3
    for seed in range(3):  # a method may mix at several sites
        step = objective(x, y, torch.Generator().manual_seed(seed))
        net.zero_grad()
        step.loss.backward()
        for name_, parameter in net.named_parameters():
            assert parameter.grad is not None, name_
            assert parameter.grad.isfinite().all(), name_
        assert net.model.layer1.weight.grad.abs().sum() > 0
    assert net.training
    assert all(module.training for module in net.modules())


# methods that label with the drawn lambda, and its law
DRAWN = {
    "mixup": ({"alpha": 0.2}, stats.beta(0.2, 0.2)),
    "manifoldmix": ({"alpha": 2.0}, stats.beta(2, 2)),
    "alignmix": ({"alpha": 2.0}, stats.beta(2, 2)),
    "fmix": ({"alpha": 1.0}, stats.beta(1, 1)),
    "hmix": ({"alpha": 0.5}, stats.beta(0.5, 0.5)),
    "stochastic": ({"mixup": 0.8, "switch": 0.0, "mode": "sample"}, stats.beta(0.8, 0.8)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_label_weights_follow_the_law_of_lambda(name):
    changes, law = DRAWN[name]
    rng = torch.Generator().manual_seed(11)
    now = method(name).make(changes=changes).choose(rng)
    x = torch.rand(3000, 2, 4, 4, generator=rng)
    mix = now.draw(x, torch.zeros(3000, dtype=torch.long), network(2, 3), rng)
    assert stats.kstest(mix.weight[:, 0].numpy(), law.cdf).pvalue > 1e-3
    # and every sample has a lambda of its own
    assert mix.weight[:, 0].unique().numel() > 2000


@pytest.mark.parametrize("name", [name for name, row in METHODS.items() if row.released])
def test_released_is_data(name):
    """Every field of the mapping is a parameter, with another value than the definition's."""
    row = method(name)
    params, of_rule = row.split(row.released)
    makers = [(row.path(), params)]
    if row.rule is not None:
        assert set(of_rule) <= set(row.rule_params)
        makers.append((row.path(row.rule), of_rule))
    family = row.params_for()
    for path, fields in makers:
        known = inspect.signature(resolve(path)).parameters
        assert "released" not in known
        for word, value in fields.items():
            defined = known[word].default
            assert value != defined or word in family, word
    assert row.params_for(released=True) == {**family, **row.released}


# all others that look at nothing: their labels go by the area
BY_AREA = [
    name
    for name in POLICIES
    if not METHODS[name].needs and name not in DRAWN and name not in LABELS_STAY
]


@pytest.mark.parametrize("name", BY_AREA)
def test_label_weights_are_the_mean_of_the_mask(name):
    rng = torch.Generator().manual_seed(12)
    x = torch.rand(100, 3, 16, 16, generator=rng)
    mix = policy(name, 3).draw(x, torch.zeros(100, dtype=torch.long), None, rng)
    mean = mix.dense((16, 16)).mean((2, 3))
    torch.testing.assert_close(mix.weight, mean.expand_as(mix.weight), atol=1e-5, rtol=0)


# methods whose masks do not follow lambda: fills, a geometry or a search of their own
NO_LAMBDA = (
    *("vanilla", "cutout", "random_erasing", "hide_and_seek"),
    *("ricap", "smoothmix", "comixup", "supermix", "smmix", "snapmix", "guidedmixup"),
)
LAM = 0.3
# a box of sides s = sqrt(1 - lambda) around a uniform center covers s - s^2 / 4 of either axis
CLIPPED = 1 - ((1 - LAM) ** 0.5 - (1 - LAM) / 4) ** 2
OWN_SHARE = {
    **dict.fromkeys(("cutmix", "relabel", "saliencymix", "resizemix", "tla"), CLIPPED),
    "stochastic": (LAM + CLIPPED) / 2,
    "transmix": 0.2 * LAM + 0.8 * CLIPPED,
    "gmix": 0.21,  # the border cuts the bell
}


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in NO_LAMBDA])
def test_two_images_are_mixed_at_a_given_lambda(name):
    now, net = policy(name, 2), network(2, 2)
    x = torch.rand(2, 3 if name == "saliencymix" else 2, 32, 32, generator=data())
    shares, means = [], []
    for seed in range(60 if name not in ("puzzlemix", "alignmix") else 8):
        mix = now.draw_at(x, torch.arange(2), net, LAM, torch.Generator().manual_seed(seed))
        assert mix.source.tolist() == [[0, 1], [1, 0]]
        shares.append(float(mix.weight[:, 0].mean()))
        means.append(float(mix.dense()[:, 0].mean()))
    mean = sum(means) / len(means)
    if name == "puzzlemix":  # lambda is the mean of a prior, against which saliency weighs
        low = now.draw_at(x, torch.arange(2), net, 0.0, torch.Generator().manual_seed(0))
        high = now.draw_at(x, torch.arange(2), net, 1.0, torch.Generator().manual_seed(0))
        assert low.weight[0, 0] <= mean <= high.weight[0, 0]
    else:
        assert abs(mean - OWN_SHARE.get(name, LAM)) < 0.06
    if name != "tokenmix":  # labels by content
        assert abs(sum(shares) / len(shares) - mean) < 1e-3
    again = now.draw_at(x, torch.arange(2), net, LAM, torch.Generator().manual_seed(seed))
    assert torch.equal(blend(again, x[:, :2]), blend(mix, x[:, :2]))


@pytest.mark.parametrize("name", NO_LAMBDA)
def test_methods_without_lambda_say_so(name):
    x = torch.rand(2, 2, 8, 8)
    with pytest.raises(ValueError, match="do not follow lambda"):
        policy(name, 2).draw_at(x, torch.arange(2), network(2, 2), LAM, torch.Generator())
