"""Networks and images of finished training runs, for ``python -m theory explain --checkpoint``.

A run is a folder results/<digest> with ``result.json`` (the job: backbone, dataset, augmentation)
and ``weights.pt``; its dataset is found through ``data/ready/<fingerprint>.json``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.catalog import build as builder
from mixlib.core.net import Net
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import dataset
from mixlib.data.loader import Loader
from mixlib.data.readers import read
from mixlib.seed import generator

DATA = Path("data")


class Run(NamedTuple):
    """A trained network with images of its training split, not augmented.

    Attributes:
        title: dataset, backbone and the method it was trained with.
    """

    title: str
    net: Net
    images: Float[Tensor, "m C H W"]
    labels: Int[Tensor, " m"]


def load_run(folder: Path, count: int, data: Path = DATA, seed: int = 0) -> Run:
    """The network of a finished run and ``count`` of its training images, drawn with ``seed``.

    Args:
        data: the folder of prepared datasets.

    Raises:
        FileNotFoundError: the run or its dataset is not there; says what was looked for.
        ValueError: not a training run.
    """
    job = _json(folder / "result.json", "a finished run: results/<digest>")["job"]
    if "backbone" not in job or "images" not in job:
        raise ValueError(f"{folder} holds no training run of a classifier, found {sorted(job)}")
    mark = job["images"]["fingerprint"]
    ready = _json(data / "ready" / f"{mark}.json", "its prepared dataset")
    net = builder.net(job["backbone"]["name"], len(ready["classes"]), seed=0)
    weights = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    net.model.load_state_dict({k.removeprefix("model."): v for k, v in weights.items()})
    images, labels = _images(job, ready, data, count, seed)
    title = f"{job['images']['name']}, {job['backbone']['name']} trained with"
    return Run(f"{title} {job['method']['name']}", net, images, labels)


def _json(path: Path, what: str) -> dict[str, Any]:
    if not path.exists():
        raise FileNotFoundError(f"expected {what}, found no {path}")
    return dict(json.loads(path.read_text()))


def _images(
    job: dict[str, Any], ready: dict[str, Any], data: Path, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    row = dataset(job["images"]["name"])
    # a set of one's own may lie anywhere: its root is a whole path
    bases = {"MIX_DATA": Path(os.environ.get("MIX_DATA", "")), "data": data}
    base = bases.get(ready["base"], Path("/"))
    every = read(row.layout, base / ready["root"], row.train)
    chosen = torch.randperm(len(every), generator=generator(seed, "images"))[:count]
    augment = Augment(**{k: _frozen(v) for k, v in job["augment"]})
    loader = Loader(
        every.take(chosen.numpy()), augment, count, seed, train=False, mean=row.mean, std=row.std
    )
    batches = [(batch[0], batch[1]) for batch in loader.epoch(0)]
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return images, labels


def _frozen(value: Any) -> Any:
    """JSON lists back to tuples."""
    return tuple(value) if isinstance(value, list) else value
