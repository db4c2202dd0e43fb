"""The experiments by the name of their target, paper_tables/<name>."""

from __future__ import annotations

from . import (
    adversarial,
    distances,
    first_layer,
    generalization,
    gradients,
    network_terms,
    twins,
)
from .units import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        adversarial.EXPERIMENT,
        distances.EXPERIMENT,
        first_layer.EXPERIMENT,
        generalization.EXPERIMENT,
        gradients.EXPERIMENT,
        network_terms.EXPERIMENT,
        twins.EXPERIMENT,
    )
}
