"""The shapes world: generated images with labels, boxes and instance masks.

Textured objects of up to ten classes stand on cluttered, textured backgrounds. What makes it a test
of data augmentation and not a toy: a class can be told from four cues (outline, surface, hue, a
small mark) and from the scenery, but every cue appears only with some probability, so a network
that leans on one cue fails on the images that lack it, while smaller distractors show one cue of
another class each.
On such split evidence mixing pays; on easy images it hurts.

An image depends only on (spec, split, index): it can be drawn alone, in any order and on any number
of processes, and a longer split starts with the images of a shorter one. NumPy only, so that job
graphs can be built from the specification without importing torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixlib.data.shapes.outlines import OUTLINES, Field
from mixlib.data.shapes.paint import Look, finish, paint_object, paint_scenery

CLASS_NAMES: tuple[str, ...] = tuple(OUTLINES)
REVISION = 1
"""Bump when any pixel, box or mask of any specification changes."""

SPLITS: tuple[str, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Shapes:
    """A specification of one generated dataset; every field is part of its fingerprint.

    Args:
        train, val, test: images a split.
        size: side of the square images, pixels.
        classes: at least 2, by the names of `class_names`; from the eleventh on they repeat the
            looks of the first ten, for readers and heads of as many classes as an official set has.
        seed: names the world; two seeds share no image.
        objects: least and most labeled objects an image; (1, 1) is classification.
        radius: least and most radius of a labeled object, as a share of the image's side.
        anywhere: place a single object anywhere in the frame; otherwise within 8 % of the middle.
        outline, surface, hue, mark: probability that an object shows this cue of its class.
        scenery: probability that the background shows the (first) object's class.
        decoy: probability that a cue that is not shown shows another class's instead of none.
        least: cues that every labeled object shows at least.
        distractors: unlabeled smaller objects, each showing one cue of another class.
        crowd: probability that an image also holds a crowd (a cluster of small objects of one
            class).
        noise: standard deviation of the pixel noise, in units of 1/255.
    """

    train: int = 2000
    val: int = 500
    test: int = 0
    size: int = 64
    classes: int = 10
    seed: int = 0
    objects: tuple[int, int] = (1, 1)
    radius: tuple[float, float] = (0.40, 0.54)
    anywhere: bool = False
    outline: float = 0.4
    surface: float = 0.4
    hue: float = 0.4
    mark: float = 0.4
    scenery: float = 0.5
    decoy: float = 0.0
    least: int = 1
    distractors: int = 2
    crowd: float = 0.0
    noise: float = 6.0

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, found {self.classes}")
        if min(self.train, self.val, self.test) < 0 or self.size < 16:
            raise ValueError(
                f"counts must not be negative and size at least 16, found train={self.train} "
                f"val={self.val} test={self.test} size={self.size}"
            )
        if not 1 <= self.objects[0] <= self.objects[1] or not 0 < self.radius[0] <= self.radius[1]:
            raise ValueError(
                f"objects and radius are (least, most) with least >= 1 and > 0, "
                f"found {self.objects} and {self.radius}"
            )
        for name in ("outline", "surface", "hue", "mark", "scenery", "decoy", "crowd"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, found {getattr(self, name)}")
        if not 0 <= self.least <= 4:
            raise ValueError(f"least is a number of cues from 0 to 4, found {self.least}")

    def count(self, split: str) -> int:
        """Images in `split`. Raises ValueError for an unknown split."""
        if split not in SPLITS:
            raise ValueError(f"expected a split among {SPLITS}, found {split!r}")
        return int(getattr(self, split))


def class_names(classes: int) -> tuple[str, ...]:
    """Names of so many classes; those beyond `CLASS_NAMES` carry the number of their round.

    Example:
        >>> class_names(12)[-2:]
        ('ring_1', 'star_1')
    """
    looks = len(CLASS_NAMES)
    return CLASS_NAMES[:classes] + tuple(
        f"{CLASS_NAMES[n % looks]}_{n // looks}" for n in range(looks, classes)
    )


@dataclass(frozen=True)
class Thing:
    """One labeled object: box (x0, y0, x1, y1) in pixels, half open, around the visible mask
    bool[H, W].

    `difficult`: less than 60 % visible, or very small. `truncated`: cut by the frame. `crowd`: the
    mask covers a cluster of objects of this class.
    """

    label: int
    box: tuple[int, int, int, int]
    mask: NDArray[np.bool_]
    difficult: bool = False
    truncated: bool = False
    crowd: bool = False


@dataclass(frozen=True)
class Scene:
    """One image uint8[H, W, 3], the class of its first object, and all labeled objects (hidden
    ones left out).
    """

    image: NDArray[np.uint8]
    label: int
    things: tuple[Thing, ...]


@dataclass
class _Canvas:
    """The picture in progress: colors float32[H, W, 3] in [0, 1] and, per pixel, who is on top
    (-1: nobody).
    """

    colors: Field
    owner: NDArray[np.int16]
    areas: list[float] = field(default_factory=list)


def render(spec: Shapes, split: str, index: int) -> Scene:
    """Image `index` of `split`. Labels run 0, 1, ..., classes-1, 0, ... so that every prefix is
    balanced.

    Raises:
        ValueError: for an unknown split.
        IndexError: when the split has no such image.
    """
    count = spec.count(split)
    if not 0 <= index < count:
        raise IndexError(f"split {split!r} has images 0 to {count - 1}, found index {index}")
    rng = np.random.default_rng([spec.seed % 2**63, SPLITS.index(split), index])
    label = index % spec.classes
    hint = label if rng.random() < spec.scenery else int(rng.integers(spec.classes))
    scenery = paint_scenery(rng, spec.size, hint)
    canvas = _Canvas(scenery, np.full((spec.size, spec.size), -1, np.int16))
    for _ in range(spec.distractors):
        _distract(canvas, rng, spec, label)
    placed = _objects(rng, spec, label)
    groups = [[p] for p in placed]
    if rng.random() < spec.crowd:
        groups.insert(0, _crowd(rng, spec))
    for number, group in enumerate(groups):
        canvas.areas.append(sum(_stamp(canvas, rng, spec, number, p) for p in group))
    return Scene(finish(canvas.colors, rng, spec.noise), label, _things(canvas, groups))


def render_split(spec: Shapes, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All images uint8[N, H, W, 3] and labels int64[N] of a split, without boxes and masks."""
    count = spec.count(split)
    images = np.empty((count, spec.size, spec.size, 3), np.uint8)
    labels = np.empty(count, np.int64)
    for index in range(count):
        scene = render(spec, split, index)
        images[index], labels[index] = scene.image, scene.label
    return images, labels


Placed = tuple[int, float, float, float]
"""Class, center x, center y and radius, in pixels."""


def _objects(rng: np.random.Generator, spec: Shapes, label: int) -> list[Placed]:
    """Where the labeled objects stand: the first of class `label`, the others of any class.

    A candidate that would hide much of an earlier object (centers closer than 45 % of the radii's
    sum) is drawn again up to 30 times and then left out, so crowded images hold fewer objects.
    """
    count = int(rng.integers(spec.objects[0], spec.objects[1] + 1))
    placed: list[Placed] = []
    for number in range(count):
        kind = label if number == 0 else int(rng.integers(spec.classes))
        for _ in range(30):
            radius = spec.size * rng.uniform(*spec.radius)
            if count > 1 or spec.anywhere:
                # A third of the radius may lie outside the frame: real objects are cut by the frame
                # too.
                low = min(0.67 * radius, spec.size / 2)
                x, y = rng.uniform(low, spec.size - low, 2)
            else:
                x, y = spec.size * rng.uniform(0.42, 0.58, 2)
            if all(np.hypot(x - a, y - b) > 0.45 * (radius + r) for _, a, b, r in placed):
                placed.append((kind, float(x), float(y), float(radius)))
                break
    return placed


def _crowd(rng: np.random.Generator, spec: Shapes) -> list[Placed]:
    """Five to eight small objects of one class, close together."""
    kind = int(rng.integers(spec.classes))
    middle = spec.size * rng.uniform(0.25, 0.75, 2)
    spread = 0.6 * spec.size * spec.radius[1]
    radius = 0.5 * spec.size * spec.radius[0]
    places = [middle + spread * rng.uniform(-1, 1, 2) for _ in range(int(rng.integers(5, 9)))]
    return [(kind, float(x), float(y), float(radius)) for x, y in places]


def _distract(canvas: _Canvas, rng: np.random.Generator, spec: Shapes, label: int) -> None:
    """Paint one unlabeled object that shows a single cue of a class other than `label`."""
    other = (label + int(rng.integers(1, spec.classes))) % spec.classes
    cue = int(rng.integers(4))
    look = other % len(CLASS_NAMES)
    shown: list[int | None] = [look if cue == number else None for number in range(4)]
    x, y = spec.size * rng.random(2)
    radius = spec.size * spec.radius[0] * rng.uniform(0.4, 0.75)
    paint_object(canvas.colors, rng, Look(*shown), float(x), float(y), float(radius))


def _stamp(
    canvas: _Canvas, rng: np.random.Generator, spec: Shapes, number: int, at: Placed
) -> float:
    """Paint a labeled object, note its owner, and return the area in pixels that it would have if
    nothing hid it.
    """
    kind, x, y, radius = at
    shows = rng.random(4) < (spec.outline, spec.surface, spec.hue, spec.mark)
    for cue in rng.permutation(4):
        if shows.sum() >= spec.least:
            break
        shows[cue] = True
    decoys = [
        int(rng.integers(spec.classes)) if chance < spec.decoy else None for chance in rng.random(4)
    ]
    seen = (kind if show else decoy for show, decoy in zip(shows, decoys, strict=True))
    look = Look(*(None if cue is None else cue % len(CLASS_NAMES) for cue in seen))
    window, cover = paint_object(canvas.colors, rng, look, x, y, radius)
    canvas.owner[window][cover > 0.5] = number
    return float(cover.sum())


def _things(canvas: _Canvas, groups: list[list[Placed]]) -> tuple[Thing, ...]:
    """What can be seen of each group; groups with under 20 % of their area or 12 pixels visible are
    left out.
    """
    things = []
    size = canvas.owner.shape[0]
    for number, group in enumerate(groups):
        mask = canvas.owner == number
        visible = int(mask.sum())
        if visible < max(12.0, 0.2 * canvas.areas[number]):
            continue
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        crowd = len(group) > 1
        hidden = visible < 0.6 * canvas.areas[number]
        tiny = visible < (0.08 * size) ** 2
        cut = min(box[:2]) == 0 or max(box[2:]) == size
        things.append(Thing(group[0][0], box, mask, crowd or hidden or tiny, cut, crowd))
    return tuple(things)
