"""Policies that look at nothing: lambda from its law, the mask from a mask law (Mixup, CutMix,
FMix, HMix, GMix ...)."""

from __future__ import annotations

from mixlib.core.method import Method
from mixlib.core.policy import Keep, Policy


def vanilla() -> Policy:
    """No mixing."""
    return Keep()


ROW = Method("vanilla", "Vanilla", "vanilla", "No mixing", 1998, status="defined")
