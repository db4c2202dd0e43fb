"""Execution of kind "calibration": a classifier's confidences against its accuracy (AutoMix, Figure
8)."""

from __future__ import annotations

import time

from downstream.calibration.bins import Bins
from downstream.calibration.measures import measure_calibration
from downstream.calibration.temperature import scale_on_held_out
from downstream.checks import predict
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.trained import load_batches, load_test_images, reported, trained_network
from pipelines.plan.kinds.calibration import MEASURES, CalibrationJob


def run(job: CalibrationJob, context: Context) -> Outcome:
    """Measures all test images, and before and after a temperature fitted on a share of them."""
    began, s = time.monotonic(), job.settings
    net = trained_network(job.parent, context)
    loader = load_batches(job.parent, context, load_test_images(job.parent, context), s.batch)
    logits, labels = predict(net.model, reported(loader, context, "predict"))
    every = measure_calibration(logits, labels, s.bins)
    scaled = scale_on_held_out(logits, labels, s.held_out, s.seed, s.bins)
    metrics = every.metrics() | {
        "temperature": scaled.temperature,
        "fitted_on": float(scaled.fitted_on),
    }
    for when, found in (("before", scaled.before), ("after", scaled.after)):
        numbers = found.metrics()
        metrics |= {f"{name}_{when}": numbers[name] for name in MEASURES}
    return Outcome(
        metrics=metrics,
        history=rows(every.bins),
        seconds=time.monotonic() - began,
        more={"bins_after": rows(scaled.after.bins), "bins_automix": rows(every.automix_bins)},
    )


def rows(bins: Bins) -> list[dict[str, float]]:
    """One row a bin: its edges, how many predictions it holds, their accuracy and confidence."""
    names = ("lower", "upper", "count", "accuracy", "confidence")
    columns = (bins.edges[:-1], bins.edges[1:], bins.counts, bins.accuracy, bins.confidence)
    return [
        dict(zip(names, map(float, values), strict=True)) for values in zip(*columns, strict=True)
    ]
