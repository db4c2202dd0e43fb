"""Accuracy under common corruptions and attacks, averaged as the benchmarks do.

Mean over corruptions of the mean over severities; mCE as in ImageNet-C (Hendrycks and Dietterich,
ICLR 2019, section 4.1); errors under attack over all images, also those that are wrong without one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downstream.checks import check_labels
from downstream.errors import InputError
from downstream.robustness.attacks import Attack
from downstream.robustness.severities import CORRUPTIONS, LEVELS, STANDARD
from mixlib.core.net import inference

Prepare = Callable[[NDArray[np.uint8]], Tensor]
"""Images uint8 [B, H, W, 3] -> the network's input, on its device."""


@dataclass(frozen=True, eq=False)
class CorruptionAccuracy:
    """Top-1 accuracy by corruption and severity.

    Attributes:
        names: K corruptions.
        accuracy: float64 [K, 5], percent.

    Raises:
        InputError: another shape, or accuracies outside 0 ... 100.

    Example:
        >>> import numpy as np
        >>> found = CorruptionAccuracy(("fog", "snow"), np.array([[60.0] * 5, [40.0] * 5]))
        >>> found.mean(("fog", "snow"))
        50.0
    """

    names: tuple[str, ...]
    accuracy: NDArray[np.float64]

    def __post_init__(self) -> None:
        expected = (len(self.names), len(LEVELS))
        if self.accuracy.shape != expected:
            raise InputError(
                f"expected accuracies [{expected[0]} corruptions, {expected[1]} severities], found "
                f"shape {list(self.accuracy.shape)}: measure every corruption at every severity"
            )
        if not ((self.accuracy >= 0) & (self.accuracy <= 100)).all():
            raise InputError("expected accuracies in percent, found values outside 0 to 100")

    def mean(self, names: Sequence[str] = CORRUPTIONS) -> float:
        """Mean over these corruptions, in percent.

        Raises:
            InputError: one of them was not measured.
        """
        return float(self._rows(names).mean())

    def metrics(self) -> dict[str, float]:
        """``corruption_15``, ``corruption_19`` (the paper's) and every corruption's own mean."""
        found = {
            name: float(row.mean()) for name, row in zip(self.names, self.accuracy, strict=True)
        }
        return {
            "corruption_15": self.mean(STANDARD),
            "corruption_19": self.mean(CORRUPTIONS),
        } | found

    def mce(self, baseline: "CorruptionAccuracy", names: Sequence[str] = STANDARD) -> float:
        """Mean corruption error in percent: errors divided by a baseline's, by corruption.

        Args:
            baseline: of the declared baseline network (AlexNet for the published ImageNet-C
                numbers); there is no mCE without one.

        Raises:
            InputError: a corruption was not measured, or the baseline has no error on it.
        """
        ours, theirs = (100 - table._rows(names) for table in (self, baseline))
        sums = theirs.sum(1)
        if not sums.all():
            flawless = names[int((sums == 0).argmax())]
            raise InputError(f"the baseline makes no error on {flawless}: mCE is not defined")
        return float(100 * (ours.sum(1) / sums).mean())

    def _rows(self, names: Sequence[str]) -> NDArray[np.float64]:
        lost = [name for name in names if name not in self.names]
        if lost:
            raise InputError(
                f"expected accuracies of {len(names)} corruptions, found none of "
                f"{', '.join(lost)}: measure them, or average over fewer"
            )
        return self.accuracy[[self.names.index(name) for name in names]]


def accuracy_of(
    model: nn.Module,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    prepare: Prepare,
    batch: int = 512,
) -> float:
    """Top-1 accuracy in percent over images uint8 [N, H, W, 3].

    Args:
        model: what ``prepare`` returns -> logits [B, Y].
        prepare: normalization and the way to the device.

    Raises:
        InputError: no image, another number of labels, or a label beyond the classes.
    """
    if not len(images) or len(images) != len(labels):
        raise InputError(
            f"expected one label for each of at least one image, found {len(labels)} labels for "
            f"{len(images)} images"
        )
    right = 0
    with inference(model):
        for start in range(0, len(images), batch):
            logits = model(prepare(np.array(images[start : start + batch])))
            own = labels[start : start + batch]
            check_labels(own, logits.shape[1])
            right += int((logits.argmax(1).cpu() == torch.from_numpy(np.array(own))).sum())
    return 100 * right / len(images)


@dataclass(frozen=True, eq=False)
class AttackResult:
    """Which images survive which attack.

    Attributes:
        clean: bool [N], right without an attack.
        survived: attack -> bool [N], right under it.
    """

    clean: NDArray[np.bool_]
    survived: Mapping[str, NDArray[np.bool_]]

    def metrics(self) -> dict[str, float]:
        """Errors in percent over all N images: ``clean_error``, ``<attack>_error``,
        ``strongest_error`` (an image counts as wrong if any attack succeeds), and
        ``fgsm_gap``, the strongest error minus FGSM's: large where gradients are masked.
        """
        errors = {f"{name}_error": _error(alive) for name, alive in self.survived.items()}
        alive = np.logical_and.reduce([self.clean, *self.survived.values()])
        found = {"clean_error": _error(self.clean)} | errors | {"strongest_error": _error(alive)}
        if "fgsm" in self.survived:
            found["fgsm_gap"] = found["strongest_error"] - found["fgsm_error"]
        return found


def _error(right: NDArray[np.bool_]) -> float:
    return 100 * float(1 - right.mean())


def measure_attacks(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    attacks: Mapping[str, Attack],
    report: Callable[[int], None] = lambda images: None,
) -> AttackResult:
    """Attacks every image of a test set.

    Args:
        model: images in [0, 1] -> logits; see :class:`downstream.robustness.attacks.Normalized`.
        batches: images [B, C, H, W] in [0, 1] and labels [B], on the model's device.
        attacks: name -> attack, e.g. ``{"fgsm": fgsm, "pgd": pgd}``.
        report: called with the number of images done.

    Raises:
        InputError: no image, or what the attacks refuse.
    """
    clean: list[Tensor] = []
    survived: dict[str, list[Tensor]] = {name: [] for name in attacks}
    done = 0
    for x, y in batches:
        clean.append(_right(model, x, y))
        for name, attack in attacks.items():
            survived[name].append(_right(model, attack(model, x, y), y))
        done += len(y)
        report(done)
    if not clean:
        raise InputError("expected at least one image, found an empty test set: check its split")
    return AttackResult(
        torch.cat(clean).numpy(),
        {name: torch.cat(parts).numpy() for name, parts in survived.items()},
    )


def _right(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with inference(model):
        logits = model(x)
        check_labels(y.cpu().numpy(), logits.shape[1])
        return (logits.argmax(1) == y).cpu()
