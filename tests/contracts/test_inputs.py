"""What every method of the catalog does with inputs that are wrong, odd or broken: refused at the
door with a remedy, or mixed as they should be."""

from __future__ import annotations

import inspect
import math
import typing
from dataclasses import replace

import numpy as np
import pytest
import torch

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS, method
from mixlib.core.arguments import Range, checked
from mixlib.core.method import resolve
from mixlib.core.mix import Boxes, Mix, blend
from mixlib.core.objective import MixOnce
from mixlib.methods.adautomix import AdAutoMixSpec
from mixlib.methods.augmix.chains import augmix
from mixlib.methods.automix import AutoMixSpec, BlockSpec, LamLoss, LamWeight, Momentum, automix
from mixlib.methods.automix.mix_block import scaled_lam
from mixlib.training.recipes import recipe
from tests.contracts import test_objectives as objectives
from tests.contracts.test_policies import POLICIES, network, policy

SIZE = (16, 16)
AT_INPUT = [name for name in POLICIES if name not in ("manifoldmix", "alignmix")]

# every constructor that a name of the catalog resolves to, and the dataclasses of choices
MAKERS = {
    **{row.name: resolve(row.path()) for row in METHODS.values() if row.settings is None},
    "transmix, label rule": resolve(METHODS["transmix"].path("transmix")),
    **{
        spec.__name__: spec
        for spec in (AdAutoMixSpec, AutoMixSpec, BlockSpec, LamLoss, LamWeight, Momentum)
    },
}
NOT_OURS = ("net", "teacher", "rule", "spec", "steps", "seed", "pipeline")


def arguments() -> list[tuple[str, str, object]]:
    found: list[tuple[str, str, object]] = []
    for name, make in MAKERS.items():
        hints = typing.get_type_hints(make, include_extras=True)
        words = [word for word in inspect.signature(make).parameters if word not in NOT_OURS]
        found.extend((name, word, hints[word]) for word in words)
    return found


def leaf(hint):
    """The innermost annotation of a number or word, and how a value of it is wrapped."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        bounds = [bound for bound in inside[1:] if isinstance(bound, Range)]
        return inside[0], bounds[0] if bounds else None, lambda value: value
    if type(None) in inside:
        return leaf(next(kind for kind in inside if kind is not type(None)))
    if origin is tuple or (origin is not None and origin.__name__ == "Sequence"):
        kind, bound, _ = leaf(inside[0])
        count = len(inside) if Ellipsis not in inside and origin is tuple else 3
        return kind, bound, lambda value: (value,) * count
    return hint, None, lambda value: value


def call(name: str, **words):
    """The constructor, around a network where it takes one."""
    if "net" in inspect.signature(MAKERS[name]).parameters:
        words["net"] = network(3, 4)
    return MAKERS[name](**words)


ARGUMENTS = arguments()


@pytest.mark.parametrize(("name", "word", "hint"), ARGUMENTS, ids=lambda value: str(value)[:20])
def test_every_argument_has_a_domain_and_keeps_to_it(name, word, hint):
    kind, bound, wrapped = leaf(hint)
    if kind in (float, int):
        assert bound is not None, f"{name}: say in the signature what {word} may be"
        wrong = ["0.5", True, math.nan, math.inf, None]
        wrong += [bound.low - 1] if bound.low > -math.inf else []
        wrong += [bound.above, -1] if bound.above is not None else []
        wrong += [bound.high + 1] if bound.high < math.inf else []
        wrong += [1.5] if kind is int else []
        for value in wrong:
            if value is None and type(None) in typing.get_args(hint):
                continue
            with pytest.raises((TypeError, ValueError), match=word):
                call(name, **{word: wrapped(value)})
    elif typing.get_origin(kind) is typing.Literal:
        for value in typing.get_args(kind):
            with pytest.raises((TypeError, ValueError), match=word):
                call(name, **{word: f"{value}s"})
    else:
        assert kind in (bool, str) or isinstance(kind, type), f"{name}: {word} is {kind}"
        if kind is bool:
            with pytest.raises((TypeError, ValueError)):
                call(name, **{word: "yes"})


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in ("relabel", "supermix")])
def test_whole_numbers_and_numpy_s_are_real_numbers(name):
    words = {
        word: hint
        for owner, word, hint in ARGUMENTS
        if owner == name and leaf(hint)[0] is float and 1.0 in leaf(hint)[1]
    }
    for word, hint in words.items():
        if word == "low" or (name, word) == ("smmix", "high"):  # bounds of each other
            continue
        wrapped = leaf(hint)[2]
        made = [call(name, **{word: wrapped(one)}) for one in (1.0, 1, np.float32(1), np.int64(1))]
        assert all(str(other) == str(made[0]) for other in made[1:]), word
    now = policy(name, 3)
    if "alpha" in words:
        x, rngs = torch.rand(4, 3, *SIZE), [torch.Generator().manual_seed(0) for _ in range(2)]
        drawn = [
            MixOnce(network(3, 4).eval(), call(name, alpha=alpha))(x, torch.arange(4), rng).mix
            for alpha, rng in zip((2, 2.0), rngs, strict=True)
            if name not in ("attentivemix", "tokenmix", "mergemix")
        ]
        assert all(torch.equal(mix.weight, drawn[0].weight) for mix in drawn)
    assert now is not None


@pytest.mark.parametrize("name", MAKERS)
def test_unknown_arguments_are_named_with_the_nearest(name):
    first = next((word for owner, word, _ in ARGUMENTS if owner == name), None)
    with pytest.raises(
        TypeError, match=f"did you mean '{first}'" if first else "no parameter|unex"
    ):
        checked(MAKERS[name])(**{f"{first}x": 1})


def test_a_scale_of_lambda_that_falls_is_refused():
    lam = torch.linspace(0, 1, 101)
    for k in (0.0, 0.2, 3.0):
        assert (scaled_lam(lam, k).diff() >= 0).all()
    assert (scaled_lam(lam, -0.2).diff() < 0).any()
    for k in (-0.2, -1 / 3, math.nan, math.inf):
        with pytest.raises(ValueError, match="lam_scale"):
            BlockSpec(embed_lam=False, lam_scale=k)


BATCHES = {
    "uint8 labels": (lambda x, y: (x, y.to(torch.uint8)), TypeError, "labels.long"),
    "int16 labels": (lambda x, y: (x, y.to(torch.int16)), TypeError, "labels.long"),
    "int32 labels": (lambda x, y: (x, y.int()), TypeError, "labels.long"),
    "bool labels": (lambda x, y: (x, y.bool()), TypeError, "labels.long"),
    "float labels": (lambda x, y: (x, y.float()), TypeError, "labels.long"),
    "a column": (lambda x, y: (x, y[:, None]), ValueError, "squeeze"),
    "no image": (lambda x, y: (x[:0], y[:0]), ValueError, "at least one image"),
    "bytes": (lambda x, y: (x.byte(), y), TypeError, "float"),
    "an image alone": (lambda x, y: (x[0], y), ValueError, r"\[B, C, H, W\]"),
    "a label short": (lambda x, y: (x, y[1:]), ValueError, "for 4"),
    "a list": (lambda x, y: (x, y.tolist()), TypeError, "as a tensor"),
}


def made_objective(name: str):
    return builder.objective(
        name,
        objectives.network(name),
        objectives.params(name, False),
        replace(recipe("imagenet_deit"), weight_ema=None),
        steps=4,
        seed=0,
    )


@pytest.mark.parametrize("name", METHODS)
def test_wrong_batches_are_refused_before_a_step(name):
    objective = made_objective(name)
    x, y = torch.rand(4, 3, 64, 64), torch.arange(4)
    for change, kind, words in BATCHES.values():
        with pytest.raises(kind, match=words):
            objective(*change(x, y), torch.Generator())
    if "teacher" in method(name).needs and name != "supermix":  # the labels are the teacher's
        return
    for bad in (-1, objectives.CLASSES):
        with pytest.raises(
            (ValueError, IndexError), match=f"from 0 to 4.*found {bad}|out of bounds"
        ):
            objective(x, torch.tensor([0, 1, bad, 2]), torch.Generator())


def broken(kind: str) -> torch.Tensor:
    x = torch.rand(4, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    if kind == "all NaN":
        return torch.full_like(x, math.nan)
    value = {"NaN": math.nan, "inf": math.inf, "-inf": -math.inf}[kind.split()[0]]
    if "pixel" in kind:
        x[0, 0, 3, 5] = value
    else:
        x[0] = value
    return x


def shown(mix: Mix, size) -> torch.Tensor:
    """Whether any part of sample 0 shows at a pixel: [B, h, w]."""
    dense = mix.dense(size).expand(len(mix.source), -1, *size)
    return ((dense > 0) & (mix.source == 0)[:, :, None, None]).any(1)


@pytest.mark.parametrize("kind", ["NaN", "inf", "-inf", "NaN pixel", "inf pixel", "all NaN"])
@pytest.mark.parametrize("name", AT_INPUT)
def test_broken_pixels_stay_where_they_are_shown(name, kind):
    x, net = broken(kind), network(3, 4)
    for seed in range(3):
        rng = torch.Generator().manual_seed(seed)
        mix = policy(name, 3).choose(rng).draw(x, torch.arange(4), net, rng)
        assert mix.weight.isfinite().all()
        assert mix.dense().isfinite().all()
        out = blend(mix, x)
        assert out.shape == x.shape
        if kind != "all NaN":
            clean = ~shown(mix, SIZE)[:, None].expand_as(out)
            assert out[clean].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shift", [None, 1])
@pytest.mark.parametrize("sources", [2, 3])
def test_a_weight_of_zero_leaves_no_trace(sources, shift, dtype):
    x = torch.rand(3, 2, 4, 4).to(dtype)
    x[1] = math.nan
    mask = torch.zeros(3, sources, 4, 4)
    mask[:, 0, :, :2], mask[:, 1, :, 2:] = 1, 1
    source = torch.stack([(torch.arange(3) + k) % 3 for k in range(sources)], 1)
    mix = Mix(source, mask.mean((2, 3)), mask, shift if sources == 2 else None)
    out = blend(mix, x)
    assert torch.equal(out[0, :, :, :2], x[0, :, :, :2])
    assert out[0, :, :, 2:].isnan().all()
    assert torch.equal(out[2], torch.cat([x[2, :, :, :2], x[0, :, :, 2:]], 2))
    boxes = Boxes(torch.tensor([[0, 2, 4, 2]]).expand(3, 4), (4, 4))
    if sources == 2:
        assert torch.equal(out.nan_to_num(9), blend(replace(mix, mask=boxes), x).nan_to_num(9))


@pytest.mark.parametrize("channels", [1, 4, 5, 13])
@pytest.mark.parametrize("name", POLICIES)
def test_images_of_any_number_of_channels(name, channels):
    words = {"puzzlemix": {}, "saliencymix": {}}.get(name)
    now = policy(name, channels) if words is None else method(name).make()
    objective = MixOnce(network(channels, 4), now)
    x = torch.rand(4, channels, *SIZE)
    for seed in range(2):
        rng = torch.Generator().manual_seed(seed)
        y = torch.arange(4) % min(channels, 4)
        if name == "relabel":  # its teacher names as many classes as there are channels
            mix = now.draw(x, y, None, rng)
            assert blend(mix, x).shape == x.shape
            continue
        assert objective(x, y, rng).loss.isfinite()


@pytest.mark.parametrize("channels", [1, 4, 5, 13])
def test_automix_and_augmix_of_any_number_of_channels(channels):
    x, y = torch.rand(4, channels, 32, 32), torch.arange(4)
    rng = torch.Generator().manual_seed(0)
    assert automix(network(channels, 4), steps=2)(x, y, rng).loss.isfinite()
    assert blend(augmix().draw(x, y, None, rng), x).shape == x.shape


@pytest.mark.parametrize("name", AT_INPUT)
def test_the_memory_format_stays(name):
    x = torch.rand(4, 3, *SIZE).to(memory_format=torch.channels_last)
    for seed in range(2):
        rng = torch.Generator().manual_seed(seed)
        mix = policy(name, 3).choose(rng).draw(x, torch.arange(4) % 3, network(3, 3), rng)
        out = blend(mix, x)
        assert out.is_contiguous(memory_format=torch.channels_last)
        rng = torch.Generator().manual_seed(seed)
        flat = x.contiguous()
        again = policy(name, 3).choose(rng).draw(flat, torch.arange(4) % 3, network(3, 3), rng)
        assert blend(again, flat).is_contiguous()


@pytest.mark.parametrize("name", AT_INPUT)
def test_what_a_draw_returns_is_the_caller_s(name):
    x = torch.rand(4, 3, *SIZE, generator=torch.Generator().manual_seed(3))
    net = network(3, 3).eval()

    def drawn() -> Mix:
        rng = torch.Generator().manual_seed(0)
        return policy(name, 3).choose(rng).draw(x, torch.arange(4) % 3, net, rng)

    first, kept = drawn(), x.clone()
    before = [t.clone() for t in (first.source, first.weight, first.dense(), blend(first, x))]
    edges = first.mask.edges if isinstance(first.mask, Boxes) else first.mask
    made = [part for part in first.parts or () if part is not None]
    for tensor in (first.source, first.weight, edges, *made):
        # an expanded tensor says by itself that it cannot be written to
        if tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size():
            tensor.zero_()
    assert torch.equal(x, kept)
    again = drawn()
    for old, new in zip(
        before, (again.source, again.weight, again.dense(), blend(again, x)), strict=True
    ):
        assert torch.equal(old, new)
