"""Arguments of constructors, checked against what their annotations say.

A constructor states the domain of every argument in its signature:

    @checked
    def cutmix(alpha: Positive = 1.0, scope: Scope = "sample") -> Policy: ...

A whole number is taken where a real one is expected and handed on as one; a word is one of its
``Literal``; numbers are finite and inside their range.  Whatever is wrong is said when the method
is built, by the argument's name, and not by a mask that is wrong later.  Imports no torch.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar, Union

from mixlib.core.catalog import nearest

Made = TypeVar("Made", bound=Callable[..., Any])


OWN = ("mixlib.", "torch.nn.")
"""Packages of whose classes an argument must be, where an annotation names one."""


@dataclass(frozen=True)
class Range:
    """Bounds of a number.

    Args:
        low, high: the bounds, themselves allowed.
        above: a bound below that is not allowed itself, in the place of ``low``.

    Example:
        >>> str(Range(above=0.0)), str(Range(0, 1))
        ('above 0.0', 'in [0, 1]')
    """

    low: float = -math.inf
    high: float = math.inf
    above: float | None = None

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and (self.above is None or value > self.above)

    def __str__(self) -> str:
        if self.above is not None:
            return f"above {self.above}" + ("" if self.high == math.inf else f", up to {self.high}")
        if self.high == math.inf:
            return "finite" if self.low == -math.inf else f"at least {self.low}"
        return f"in [{self.low}, {self.high}]"


Finite = Annotated[float, Range()]
Positive = Annotated[float, Range(above=0.0)]
NotNegative = Annotated[float, Range(low=0.0)]
Share = Annotated[float, Range(0.0, 1.0)]
Count = Annotated[int, Range(low=1)]
Natural = Annotated[int, Range(low=0)]


def checked(make: Made) -> Made:
    """The same function, which looks at its arguments first.

    Args:
        make: a function with annotations; those that are no numbers, words, classes of mixlib's or
            torch's, or sequences of them say nothing.

    Raises (when called):
        TypeError: an argument that ``make`` has not, or of another type.
        ValueError: a number outside of its range, or a word that is none of the known.

    Example:
        >>> @checked
        ... def bell(width: Positive, border: Literal["clip", "wrap"] = "clip"):
        ...     return width, border
        >>> bell(2)
        (2.0, 'clip')
        >>> bell(0.0)
        Traceback (most recent call last):
        ValueError: bell: width must be above 0.0, got 0.0
        >>> bell(1.0, border="clap")
        Traceback (most recent call last):
        ValueError: bell: no border 'clap'; did you mean 'clip'? (known: clip, wrap)
    """
    if hasattr(make, "checks_arguments"):
        return make
    path = getattr(make, "__qualname__", repr(make)).removesuffix(".__init__")
    name, signature = path.rpartition(".")[2], inspect.signature(make)

    @wraps(make)
    def made(*args: Any, **words: Any) -> Any:
        known = signature.parameters
        if not any(known[key].kind is inspect.Parameter.VAR_KEYWORD for key in known):
            for word in words:
                if word not in known:
                    raise TypeError(f"{name}: {nearest('parameter', word, known)}")
        bound, hints = signature.bind(*args, **words), _hints(make)
        for key, value in bound.arguments.items():
            variadic = known[key].kind in (
                inspect.Parameter.VAR_KEYWORD,
                inspect.Parameter.VAR_POSITIONAL,
            )
            if key in hints and not variadic:
                bound.arguments[key] = converted(value, hints[key], f"{name}: ", key)
        return make(*bound.args, **bound.kwargs)

    made.checks_arguments = True  # type: ignore[attr-defined]
    return made  # type: ignore[return-value]


def check_fields(spec: object) -> None:
    """Looks at the fields of a dataclass, from its ``__post_init__``; whole numbers become real
    ones where the field is one.

    Raises:
        TypeError, ValueError: as of :func:`checked`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Bell:
        ...     width: Positive = 1.0
        ...     def __post_init__(self):
        ...         check_fields(self)
        >>> Bell(2).width
        2.0
    """
    hints = _hints(type(spec))
    for field in fields(spec):  # type: ignore[arg-type]
        value = getattr(spec, field.name)
        new = converted(value, hints.get(field.name, Any), f"{type(spec).__name__}: ", field.name)
        if new is not value:
            object.__setattr__(spec, field.name, new)


def _hints(of: Any) -> Mapping[str, Any]:
    """Annotations with what they are annotated with; none where a name in them is unknown at run
    time, which another package's may be."""
    try:
        return typing.get_type_hints(of, include_extras=True)
    except NameError:
        return {}


def converted(value: Any, hint: Any, where: str, name: str) -> Any:
    """A value as its annotation wants it.

    Args:
        value: what was given.
        hint: the annotation.
        where: what leads a message, "cutmix: ".
        name: of the argument.

    Raises:
        TypeError, ValueError: as of :func:`checked`.

    Example:
        >>> converted([1, 2], tuple[float, float], "", "area")
        (1.0, 2.0)
    """
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        value = converted(value, inside[0], where, name)
        for bound in inside[1:]:
            if isinstance(bound, Range) and value not in bound:
                raise ValueError(f"{where}{name} must be {bound}, got {value!r}")
        return value
    if origin is Literal:
        if value not in inside:
            raise ValueError(where + nearest(name, str(value), map(str, inside)))
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, inside, where, name)
    if origin in (tuple, Sequence) or hint in (tuple, Sequence):
        return _sequence(value, origin, inside, where, name)
    return _plain(value, hint, where, name)


def _one_of(value: Any, kinds: tuple[Any, ...], where: str, name: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    for kind in kinds[:-1]:
        try:
            return converted(value, kind, where, name)
        except (TypeError, ValueError):
            continue
    return converted(value, kinds[-1], where, name)


def _sequence(value: Any, origin: Any, inside: tuple[Any, ...], where: str, name: str) -> Any:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{where}{name} must be a sequence, got {value!r}")
    parts = tuple(value)
    if not inside:
        return parts
    if origin is tuple and Ellipsis not in inside:
        if len(parts) != len(inside):
            raise ValueError(f"{where}{name} must be {len(inside)} values, got {value!r}")
        kinds = inside
    else:
        kinds = inside[:1] * len(parts)
    return tuple(
        converted(part, kind, where, f"{name}[{k}]")
        for k, (part, kind) in enumerate(zip(parts, kinds, strict=True))
    )


def _plain(value: Any, hint: Any, where: str, name: str) -> Any:
    """Numbers, truth values and words; a number of numpy's becomes Python's."""
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{where}{name} must be a number, got {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"{where}{name} must be finite, got {value!r}")
        return value if type(value) is float else float(value)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"{where}{name} must be a whole number, got {value!r}")
        return value if type(value) is int else int(value)
    if hint in (bool, str) and not isinstance(value, hint):
        kind = "True or False" if hint is bool else "a word"
        raise TypeError(f"{where}{name} must be {kind}, got {value!r}")
    ours = isinstance(hint, type) and hint.__module__.startswith(OWN)
    if ours and not getattr(hint, "_is_protocol", False) and not isinstance(value, hint):
        found = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TypeError(
            f"{where}{name} must be a {hint.__module__}.{hint.__qualname__}, got a {found}"
        )
    return value
