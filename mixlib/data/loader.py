"""Data loading: the order of the images, their augmentation, and their way onto the device.

The order of epoch e comes from generator(seed, "order", e), the augmentation of a batch from
generator(seed, "augment", e, step), that of a single picture from its place in the epoch. So an
epoch can be entered at any step, and the number of data-loading processes, the device and the
number of ranks change nothing: a batch is the *global* batch, of which each rank takes its shards.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mixlib.data.augment_batch import draw, normalize, shorter_side, test_batch, train_batch
from mixlib.data.augment_image import erase, test_picture, train_picture
from mixlib.data.augmentations import Augment
from mixlib.data.catalog.row import Statistics
from mixlib.data.images import Images
from mixlib.data.shards import own_shards
from mixlib.seed import derive, generator

Batch = tuple[Tensor, Tensor]


class Loader:
    """Batches (x float32[b, 3, h, w] normalized and channels last, y int64[b]) on `device`.

    Images in memory with a batched augmentation stay on the device and are augmented a batch at a
    time; everything else is decoded and augmented a picture at a time by `workers` processes.

    Training batches come shard by shard: of every step, those of this rank's shards in order.

    Args:
        images: one split.
        augment: the training and test procedure.
        batch: images a step, over all shards.
        seed: of order and augmentation.
        train: shuffled, augmented, the last incomplete batch left out; otherwise in order and
            complete.
        mean, std: normalization, for values in 0 to 1.
        rank, world: this process and their number.
        device: where the batches go.
        workers: data-loading processes of this rank; 0 = this process.
        shards: parts of a training batch (:mod:`mixlib.data.shards`); None: one a rank.

    Raises:
        ValueError: when the batch cannot be shared among the shards, or these among the ranks, or
            training has no full batch.
    """

    def __init__(
        self,
        images: Images,
        augment: Augment,
        batch: int,
        seed: int,
        train: bool,
        *,
        mean: Statistics,
        std: Statistics,
        rank: int = 0,
        world: int = 1,
        device: str | torch.device = "cpu",
        workers: int = 0,
        shards: int | None = None,
    ) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank must lie in 0..{world - 1}, found {rank}")
        # test images are only shared out: a part of them a rank
        self.shards = shards if train and shards is not None else world
        self.own = own_shards(rank, world, self.shards)
        if batch < 1 or (train and batch % self.shards):
            raise ValueError(
                f"the global batch must be a positive multiple of the {self.shards} shards, found "
                f"{batch}"
            )
        if train and len(images) < batch:
            raise ValueError(
                f"training needs at least one full batch of {batch}, found {len(images)} images; "
                "use a smaller batch"
            )
        self.images, self.augment, self.batch = images, augment, batch
        self.seed, self.train = seed, train
        self.mean, self.std = mean, std
        self.device, self.workers = torch.device(device), workers
        self.labels = torch.from_numpy(images.labels)
        self.pixels: Tensor | None = None
        if images.pixels is not None and (augment.batched or not train):
            self.pixels = torch.from_numpy(images.pixels).to(self.device)
            self.labels = self.labels.to(self.device)

    def __len__(self) -> int:
        """Steps an epoch; the same on every rank."""
        full, rest = divmod(len(self.images), self.batch)
        return full if self.train or not rest else full + 1

    def order(self, epoch: int) -> Tensor:
        """Indices int64[N] of the images in the order of `epoch`.

        With repeated augmentation (Hoffer et al., CVPR 2020) each image comes `repeats` times in a
        row and the epoch is cut to its usual length, so that an epoch sees a part of the images, as
        in DeiT.
        """
        count = len(self.images)
        if not self.train:
            return torch.arange(count)
        shuffled = torch.randperm(count, generator=generator(self.seed, "order", epoch))
        return shuffled.repeat_interleave(self.augment.repeats)[:count]

    def epoch(self, e: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of epoch `e` from `start_step` on; the same ones whenever it is asked."""
        order = self.order(e)
        steps = range(start_step, len(self))
        make = self._pictures if self.pixels is None else self._batches
        return make(e, order, steps)

    def _places(self, step: int, shard: int, total: int) -> range:
        """A shard's places in the global batch `step`.

        Neighbors go to different shards, so that an image's repeats do not meet in one.
        """
        last = min((step + 1) * self.batch, total)
        return range(step * self.batch + shard, last, self.shards)

    def _batches(self, e: int, order: Tensor, steps: range) -> Iterator[Batch]:
        assert self.pixels is not None
        height, width = self.pixels.shape[1:3]
        if self.train and self.augment.before:
            height, width = shorter_side(height, width, self.augment.before)
        for step in steps:
            rng = generator(self.seed, "augment", e, step)
            draws = draw(self.augment, self.batch, height, width, rng) if self.train else None
            for shard in self.own:
                places = self._places(step, shard, len(order))
                if not places:
                    continue  # the last test batch may have fewer images than there are ranks
                index = order[places.start : places.stop : places.step].to(self.device)
                x = self.pixels[index]
                if draws is None:
                    x = test_batch(x, self.augment)
                else:
                    x = train_batch(x, self.augment, draws.rows(slice(shard, None, self.shards)))
                yield normalize(x, self.mean, self.std), self.labels[index]

    def _pictures(self, e: int, order: Tensor, steps: range) -> Iterator[Batch]:
        shards = (self._places(step, s, len(order)) for step in steps for s in self.own)
        index = order.tolist()
        batches = [[(place, index[place]) for place in places] for places in shards if places]
        loader = DataLoader(
            _Pictures(self, e),
            # Sampler and dataset share the pair (place in the epoch, image).
            batch_sampler=batches,  # type: ignore[arg-type]
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_one_thread,
            # Without it the DataLoader would draw its workers' seeds from the global generator.
            generator=generator(self.seed, "workers", e),
        )
        for x, y in loader:
            x = x.to(self.device, non_blocking=True)
            y = y.to(self.device, non_blocking=True)
            yield x.contiguous(memory_format=torch.channels_last), y


class _Pictures(Dataset[tuple[Tensor, int]]):
    """Item (place, index) -> normalized image and label."""

    def __init__(self, loader: Loader, epoch: int) -> None:
        self.images, self.augment, self.train = loader.images, loader.augment, loader.train
        self.seed, self.epoch, self.mean, self.std = loader.seed, epoch, loader.mean, loader.std

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, int]:
        place, index = item
        picture = self.images.image(index)
        label = int(self.images.labels[index])
        if not self.train:
            return self._normal(test_picture(picture, self.augment)), label
        seed = derive(self.seed, "augment", self.epoch, "place", place)
        x = self._normal(train_picture(picture, self.augment, seed))
        return erase(x, self.augment.erase, seed) if self.augment.erase else x, label

    def _normal(self, x: Tensor) -> Tensor:
        return normalize(x.permute(2, 0, 1)[None], self.mean, self.std)[0]


def _one_thread(worker: int) -> None:
    """Decoding scales over processes; threads inside them would only fight for the same cores."""
    torch.set_num_threads(1)
