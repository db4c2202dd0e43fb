"""Shapes of call of known libraries, by the module that an object comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mixlib.audit.forms import Form

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "timm.data.mixup:Mixup": Form("batch", targets="soft"),
        "timm.data.mixup:FastCollateMixup": Form(
            "collate", targets="soft", arrays="numpy", dtype="uint8"
        ),
        "torchvision.transforms.v2": Form("batch", targets="soft"),
        "kornia.augmentation": Form("batch", labels="float", targets="partner"),
        "keras_cv": Form("dict", labels="onehot", targets="soft", layout="nhwc", arrays="numpy"),
        "keras.": Form("dict", labels="onehot", targets="soft", layout="nhwc", arrays="numpy"),
        "mixlib.adapters": Form("batch", targets="soft"),
        "mixlib.mixer": Form("generator", targets="method"),
    }
)


def form_of(call: Callable[..., Any]) -> Form:
    """The form of a known library's object; ``call(images, labels)`` for any other.

    Example:
        >>> from mixlib.mixer import build
        >>> form_of(build("cutmix")).feed
        'generator'
    """
    owner = call if inspect.isclass(call) or inspect.isroutine(call) else type(call)
    place = f"{owner.__module__}:{owner.__qualname__}"
    for start, form in FORMS.items():
        if place.startswith(start):
            return form
    return Form()
