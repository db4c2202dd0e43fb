"""Sites of a classifier that no family names: its stages, found by what passes through it.

A stage ends where the last and outermost submodule of one resolution puts out its map; a network of
one resolution (a vision transformer, an MLP-Mixer) has none, and a sixth, a third and half of its
blocks stand for the first three.  Whether everything passes by a place is not guessed but tried: if
its tensor is replaced by zeros, two different images must look the same behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor, nn

from mixlib.core.net import Layout, Net, inference, logits_of, uncompiled
from mixlib.models.probe import BATCH, Passed, trace

COARSE = 16  # pixels a cell of a stage's map covers at least
MOST_PREFIX = 16  # tokens of class, distillation and registers
ISOTROPIC = 3  # blocks of a network of one resolution, at least
TRIED = 8  # submodules of one resolution that are tried as its last place
DEPTHS = {"stage1": 1 / 6, "stage2": 1 / 3, "stage3": 1 / 2}


@dataclass(frozen=True)
class Place:
    """A submodule whose output is a map.

    Attributes:
        path: of the submodule.
        cells: (h, w) of its map.
        layout: how the map lies.
        prefix: tokens before it.
    """

    path: str
    cells: tuple[int, int]
    layout: Layout
    prefix: int = 0

    @property
    def depth(self) -> int:
        """How many modules it lies in."""
        return self.path.count(".")


@dataclass(frozen=True)
class Sites:
    """Named places of a network.

    Attributes:
        paths: name -> module path.
        layouts: name -> how the tensor there lies.
        prefix: tokens before the patches.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    prefix: int = 0


def find_sites(model: nn.Module) -> Sites:
    """The stages of a network: "stage1" ... and "last", as many as it has.

    Args:
        model: any classifier; one blank pass is run, and one more for every place that is tried.

    Raises:
        ValueError: no blank pass runs, or no place was found that everything passes by.

    Example:
        >>> layers = [nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, 2, 1)]
        >>> model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
        >>> find_sites(model).paths
        {'stage1': '0', 'stage2': '1', 'stage3': '2', 'last': '2'}
    """
    x, passed = trace(model)
    size = (x.shape[-2], x.shape[-1])
    places = [place for one in passed if (place := as_place(one, size)) is not None]
    through = Through(model, x)
    ends = _ends(places, through)
    if not ends:
        raise ValueError(
            f"{type(model).__name__}: no submodule's output is a feature map that everything "
            "passes by"
        )
    named = _named(ends, places, size, through)
    tokens = max((place.prefix for place in named.values() if place.layout == "tokens"), default=0)
    return Sites(
        {name: place.path for name, place in named.items()},
        {name: place.layout for name, place in named.items()},
        tokens,
    )


def as_place(passed: Passed, image: tuple[int, int]) -> Place | None:
    """What a submodule put out as a map of the image, or None if it is none.

    Args:
        passed: a submodule's output.
        image: (H, W) of the images.

    Example:
        >>> as_place(Passed("blocks.0", (2, 5 + 16, 48), 1), (64, 64))
        Place(path='blocks.0', cells=(4, 4), layout='tokens', prefix=5)
    """
    shape = passed.shape
    # patches folded into the batch, or a module that runs twice, are no one map of an image
    if passed.calls > 1 or shape[:1] != (BATCH,):
        return None
    if len(shape) == 4:
        layouts: tuple[tuple[Layout, tuple[int, int]], ...] = (
            ("channels_first", (shape[2], shape[3])),
            ("channels_last", (shape[1], shape[2])),
        )
        # the one that fits the image's aspect better: channels lie first where both do as well
        ordered = sorted(layouts, key=lambda one: _off(one[1], image))
        for layout, cells in ordered:
            if _covers(cells, image):
                return Place(passed.path, cells, layout)
    if len(shape) == 3 and shape[2] > 1:  # [B, C, 1] is pooled
        for prefix in range(min(MOST_PREFIX, shape[1]) + 1):
            rows = round(((shape[1] - prefix) * image[0] / image[1]) ** 0.5)
            cells = (rows, (shape[1] - prefix) // max(rows, 1))
            exact = cells[0] * cells[1] == shape[1] - prefix
            if exact and cells[0] * image[1] == cells[1] * image[0] and rows > 1:
                return Place(passed.path, cells, "tokens", prefix)
    return None


def _covers(cells: tuple[int, int], image: tuple[int, int]) -> bool:
    """Whether so many cells can lie on the image: more than one, and of its aspect to a cell."""
    if cells[0] * cells[1] < 2 or cells[0] > image[0] or cells[1] > image[1]:
        return False
    return _off(cells, image) <= 1


def _off(cells: tuple[int, int], image: tuple[int, int]) -> float:
    """By how many columns a map misses the image's aspect."""
    return abs(cells[0] * image[1] / image[0] - cells[1])


class Through:
    """Whether everything passes by a place.

    Args:
        model: a classifier.
        x: two different images.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model, self.x = model, x
        self.known: dict[str, bool] = {}

    def __call__(self, place: Place) -> bool:
        if place.path not in self.known:
            self.known[place.path] = self._alike_behind(place.path)
        return self.known[place.path]

    def _alike_behind(self, path: str) -> bool:
        """Whether both images look the same to the layers behind the place once its tensor is
        zero."""
        if self.x.device.type == "meta":  # shapes only: nothing can be compared
            return True
        net = Net(self.model)
        behind: list[Tensor] = []
        leaves = [part for part in self.model.modules() if not list(part.children())]

        def look(_module: nn.Module, inputs: tuple[object, ...], _output: object) -> None:
            behind.extend(t for t in inputs[:1] if isinstance(t, Tensor) and len(t) == len(self.x))

        def start(_module: nn.Module, _args: object, _output: object) -> None:
            behind.clear()

        handles = [net.place(path).register_forward_hook(start)]
        handles += [
            leaf.register_forward_hook(look) for leaf in leaves if leaf is not net.place(path)
        ]
        try:
            with inference(self.model), uncompiled():  # type: ignore[arg-type]
                logits, _ = net(self.x, edit={path: torch.zeros_like})
        except Exception:  # zeros may be what a foreign layer cannot take
            return False
        finally:
            for handle in handles:
                handle.remove()
        return all(torch.allclose(t[0], t[1], atol=1e-5) for t in (*behind, logits))


def _ends(places: Sequence[Place], through: Through) -> list[Place]:
    """The last and outermost place of every resolution, in the order of the pass."""
    ends = []
    order = {place.path: k for k, place in enumerate(places)}
    by_cells = sorted(places, key=lambda place: -place.cells[0] * place.cells[1])
    for _, group in groupby(by_cells, key=lambda place: place.cells):
        nearest = sorted(group, key=lambda place: (place.depth, -order[place.path]))
        found = next((place for place in nearest[:TRIED] if through(place)), None)
        if found is not None:
            ends.append(found)
    return sorted(ends, key=lambda place: order[place.path])


def _named(
    ends: Sequence[Place], places: Sequence[Place], image: tuple[int, int], through: Through
) -> dict[str, Place]:
    rows = _rows(places, through.model)
    with_blocks = {row[0].cells for row in rows if len(row) > 1}
    if with_blocks == {ends[-1].cells} and max(map(len, rows)) >= ISOTROPIC:
        return _by_blocks(ends[-1], max(rows, key=len), through)
    coarse = [
        place
        for place in ends
        if place.cells[0] * place.cells[1] * COARSE <= image[0] * image[1] * 1.2
    ]
    chosen = (coarse if len(coarse) > 3 else list(ends))[-4:]
    return {f"stage{k}": place for k, place in enumerate(chosen, 1)} | {"last": chosen[-1]}


def _rows(places: Sequence[Place], model: nn.Module) -> list[list[Place]]:
    """Blocks of one resolution that follow each other in one container."""
    rows: dict[tuple[str, tuple[int, int]], list[Place]] = {}
    for place in places:
        parent = place.path.rstrip("0123456789")
        inside = next(model.get_submodule(place.path).children(), None)
        if parent != place.path and inside is not None:
            rows.setdefault((parent, place.cells), []).append(place)
    return list(rows.values())


def _by_blocks(last: Place, row: Sequence[Place], through: Through) -> dict[str, Place]:
    """Stages of a network of one resolution, by shares of its depth."""
    blocks = [place for place in row if through(place)] or [last]
    if blocks[-1].prefix != last.prefix:  # a class token that joins the patches at the end (XCiT)
        last = blocks[-1]
    named = {name: blocks[max(round(len(blocks) * share) - 1, 0)] for name, share in DEPTHS.items()}
    return named | {"stage4": last, "last": last}


def candidates(model: nn.Module, most: int = 8) -> list[str]:
    """Module paths that would do as sites, for messages; none where no blank pass runs.

    Example:
        >>> candidates(nn.Sequential(nn.Conv2d(3, 4, 3, 4, 1), nn.ReLU(), nn.Flatten()))
        ['0', '1']
    """
    try:
        x, passed = trace(model)
    except ValueError:
        return []
    image = (x.shape[-2], x.shape[-1])
    found = [place for one in passed if (place := as_place(one, image)) is not None]
    through = Through(model, x)
    outermost = sorted(found, key=lambda place: place.depth)[: 3 * most]
    fitting = {place.path for place in outermost if through(place)}
    ordered = [place.path for place in found if place.path in fitting]
    return ordered[-most:]


def find_head(net: Net) -> str:
    """Path of the linear layer whose output the logits are.

    Raises:
        ValueError: there is none, or the logits are made of several: names the linear layers.

    Example:
        >>> find_head(Net(nn.Sequential(nn.Conv2d(3, 4, 64), nn.Flatten(1), nn.Linear(132, 2))))
        '2'
    """
    x, _ = trace(net.body)
    linear = [path for path, part in net.body.named_modules() if isinstance(part, nn.Linear)]
    with inference(net), uncompiled():
        logits = logits_of(net.body.forward(x))
        for path in reversed(linear):
            twin = Net(net.body, head=path).with_head(nn.Identity())
            try:
                read = logits_of(twin.model.forward(x))
            except RuntimeError:  # what follows does not fit: another layer than the last
                continue
            layer = net.body.get_submodule(path)
            fits = read.ndim == 2 and read.shape[1] == layer.in_features
            if fits and torch.allclose(layer(read), logits, atol=1e-4, rtol=1e-3):
                return path
    raise ValueError(
        f"{type(net.body).__name__} does not end in one linear layer of its own, as methods that "
        "put several heads on it need: "
        + (f"its linear layers are {', '.join(linear[-4:])}" if linear else "it has no nn.Linear")
    )
