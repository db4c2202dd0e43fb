"""Settings of an evaluation at a scale: what its kind declares, and what the scale changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from pipelines.declare.errors import DeclarationError
from pipelines.declare.values import Kind, check_fields
from pipelines.plan.setting import Setting, pairs

S = TypeVar("S")


def changed_settings(
    base: S, changes: Mapping[str, Any], known: Mapping[str, Kind], setting: Setting, what: str
) -> S:
    """Settings (a dataclass) with the changes of a scale.

    Args:
        base: as the paper has them.
        changes: of the scale, field -> value.
        known: field -> what it may be.
        setting: says where, for messages.
        what: a field is called, for messages.

    Raises:
        DeclarationError: an unknown field, or values that cannot be used together.
    """
    check_fields(setting.where, changes, known, what)
    try:
        return dataclasses.replace(base, **dict(pairs(changes)))  # type: ignore[type-var]
    except ValueError as error:
        raise DeclarationError(f"{setting.where}: {error}") from None
