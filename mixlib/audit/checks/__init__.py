"""The checks of an audit: evidence in, findings out."""

from __future__ import annotations

from collections.abc import Callable

from mixlib.audit.checks import (
    batches,
    geometry,
    independence,
    labels,
    law,
    pairing,
    randomness,
    values,
)
from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding

Check = Callable[[Evidence], list[Finding]]

CHECKS: tuple[Check, ...] = (
    labels.label_shares,
    labels.target_rows,
    law.kinds,
    law.law_of_weights,
    law.law_of_boxes,
    law.rate_of_mixing,
    law.rate_of_boxes,
    law.scope,
    pairing.self_pairs,
    pairing.use_of_samples,
    independence.between_rows,
    independence.between_calls,
    independence.place,
    geometry.borders,
    geometry.aspect,
    values.sums_and_range,
    values.fill,
    values.input_kept,
    values.dtypes,
    batches.sizes,
    batches.odd_and_single,
    randomness.generators,
    randomness.workers,
)
