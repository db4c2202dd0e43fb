"""Settings of a robustness measurement (AutoMix, Table 6): sizes of attacks and of the test set.

Sources: FGSM at 8/255 in pixel space (AutoMix 4.3), PGD with 20 steps of 2/255 (Madry et al., ICLR
2018), Auto-PGD with 100 steps (Croce and Hein, ICML 2020).
"""

from dataclasses import dataclass

from downstream.errors import InputError

EPSILON = 8 / 255
"""Radius in AutoMix, Table 6."""
PGD_STEP = 2 / 255
PGD_STEPS = 20
APGD_STEPS = 100


@dataclass(frozen=True)
class RobustnessSettings:
    """Everything that changes the numbers.

    Args:
        epsilon: radius of the l-infinity ball, of pixels in [0, 1].
        pgd_step, pgd_steps: length and number of PGD's steps.
        apgd_steps: gradients that Auto-PGD takes, for each of its two losses.
        corrupted: most test images that are corrupted where no published set is read; None: all.
        attacked: most test images that are attacked; None: all.
        batch: images a forward pass.
        seed: of generated corruptions, and of the attacks' starts in the ball.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> RobustnessSettings().pgd_steps
        20
    """

    epsilon: float = EPSILON
    pgd_step: float = PGD_STEP
    pgd_steps: int = PGD_STEPS
    apgd_steps: int = APGD_STEPS
    corrupted: int | None = None
    attacked: int | None = None
    batch: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epsilon < 0 or self.pgd_step <= 0:
            raise InputError(
                f"epsilon must not be negative and pgd_step positive, found {self.epsilon} and "
                f"{self.pgd_step}"
            )
        for name in ("pgd_steps", "apgd_steps", "corrupted", "attacked", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, found {value}")
