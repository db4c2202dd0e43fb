"""Job kind "localize": boxes from a fine-tuned classifier's class activation maps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from downstream.localization.settings import LocalizeSettings
from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import backbone
from pipelines.errors import DeclarationError, check_keys
from pipelines.job import Data, Job, Outcome
from pipelines.kinds.train import FIELDS as PARENT_FIELDS
from pipelines.kinds.train import TrainJob
from pipelines.setting import Setting, pairs

if TYPE_CHECKING:
    import numpy as np

    from downstream.localization.readers import Truth
    from mixlib.data.images import Images
    from pipelines.bench import Bench

FIELDS = ("prior", *PARENT_FIELDS)
ROWS, MAPS, SAMPLES = "images.csv", "maps.npy", "samples.npz"


@dataclass(frozen=True)
class LocalizeJob(Job):
    """Measuring how well one classifier's maps localize.

    Nothing here is drawn at random: two seeds differ in their parents only.

    Attributes:
        scenes: the images with boxes; the parent is trained on the same dataset.
        parent: the fine-tuned classifier; None is the center prior, which no network made.
        settings: every setting of the measurement.
    """

    kind = "localize"

    scenes: Data
    parent: TrainJob | None
    settings: LocalizeSettings

    @property
    def data(self) -> Data:
        return self.scenes

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> LocalizeJob:
        setting.check(point, FIELDS, ("data",))
        prior = point.get("prior")
        if prior not in (None, "center"):
            raise DeclarationError(f"{setting.where}: no prior {prior!r}; known: center")
        parent = {k: point[k] for k in PARENT_FIELDS if k in point}
        setting.look_up("dataset", point["data"], DATASETS)
        changes = setting.scale.settings("localize", point["data"])
        known = {f.name for f in dataclasses.fields(LocalizeSettings)}
        check_keys(setting.where, changes, known, "localization setting")
        return cls(
            scenes=setting.data(point["data"]),
            parent=None if prior else TrainJob.build(parent, setting),
            settings=LocalizeSettings(**dict(pairs(changes))),
        )

    def describe(self) -> str:
        s = self.settings
        if self.parent is None:
            what = f"the center prior (sigma {s.center_sigma:g})"
        else:
            p = self.parent
            what = f"{p.backbone.name} trained with {p.method.name}, seed {p.seed}"
        return f"localize on {self.scenes.name} by {what}: {s.thresholds} thresholds"

    def run(self, bench: Bench) -> Outcome:
        import time

        import numpy as np

        from downstream.localization import localize as wsol

        began = time.monotonic()
        images, truth = self.split(bench)
        cams = self.maps(bench, images)
        found = wsol.localize(
            cams, truth, self.settings, lambda n, m: bench.progress("boxes", n, m, {})
        )
        chosen = wsol.evenly(self.settings.samples, len(truth))
        pictures = {int(i): images.image(int(i)) for i in chosen}
        wsol.write_rows(found, truth, bench.folder / ROWS)
        wsol.write_samples(found, cams, truth, pictures, bench.folder / SAMPLES)
        kept = [ROWS, SAMPLES]
        if self.parent is not None:
            np.save(bench.folder / MAPS, cams)
            kept.append(MAPS)
        return Outcome(
            metrics=found.accuracy.metrics(),
            history=[],
            seconds=time.monotonic() - began,
            keep=tuple(kept),
            more={"images": len(truth), "thresholds": found.thresholds},
        )

    def split(self, bench: Bench) -> tuple[Images, Truth]:
        """Test images, capped as the job says, and their boxes in the same order."""
        from downstream.localization.readers import read_truth
        from mixlib.data.images import cap
        from mixlib.data.readers import read

        row, root = DATASETS[self.scenes.name], bench.data_folder(self.scenes)
        images = cap(read(row.layout, root, row.test), self.scenes.test_cap)
        truth = read_truth(row.layout, root, row.test)
        assert images.paths is not None
        names = [path.relative_to(root / "images").as_posix() for path in images.paths]
        return images, truth.of(names)

    def maps(self, bench: Bench, images: Images) -> np.ndarray:
        """The maps [N, h, w] of the images' true classes."""
        import numpy as np
        import torch

        from downstream.localization.cam import activation_maps
        from downstream.localization.maps import center_prior
        from mixlib.catalog import build as builder
        from mixlib.data.augmentations import Augment
        from mixlib.data.loader import Loader
        from mixlib.models import backbones

        s = self.settings
        if self.parent is None:
            shape = (len(images), s.grid, s.grid)
            return np.broadcast_to(center_prior(s.grid, s.center_sigma), shape)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        name = self.parent.backbone.name
        net = builder.net(name, len(bench.data_classes(self.scenes)), seed=0)
        source = f"result {self.parent.digest}"
        backbones.load(net.model, bench.weights(self.parent), source, backbone(name))
        row = DATASETS[self.scenes.name]
        batches = Loader(
            images,
            Augment(s.input, flip=0.0, interpolation=s.interpolation),
            s.batch,
            seed=0,
            train=False,
            mean=row.mean,
            std=row.std,
            device=device,
            workers=bench.options.get("workers", 0),
        )
        return activation_maps(net.to(device), batches.epoch(0), s.site)
