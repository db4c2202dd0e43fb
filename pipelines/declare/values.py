"""Types and ranges of declared values: what is expected, and whether a value is that."""

from __future__ import annotations

import math
import re
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

from mixlib.core.catalog import nearest
from pipelines.declare.errors import DeclarationError, check_keys
from pipelines.declare.mapping import place_of


class Kind(ABC):
    """What a declared value may be."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """For messages: "a number above 0 and at most 10"."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Whether a value is of this kind."""

    def check(self, place: str, value: Any) -> None:
        """Raises DeclarationError where a value is not of this kind; ``place`` leads to it."""
        if not self.accepts(value):
            raise DeclarationError(f"{place}: expected {self.expected}, found {shown(value)}")


class Container(Kind):
    """A kind that looks inside a value, so that its message can name the place of the fault."""

    @final
    def accepts(self, value: Any) -> bool:
        try:
            self.check("", value)
        except DeclarationError:
            return False
        return True

    @abstractmethod
    def check(self, place: str, value: Any) -> None: ...


def shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    kind = {str: "the text ", bool: "the truth value "}.get(type(value), "")
    return kind + brief.repr(dict(value) if isinstance(value, Mapping) else value)


@dataclass(frozen=True)
class Real(Kind):
    """A finite number from ``low`` to ``high``; ``above``: not ``low`` itself.

    Example:
        >>> Real(0, 1).accepts(0.5), Real(0, 1).accepts("0.5"), Real(0, 1, above=True).accepts(0)
        (True, False, False)
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    @property
    def expected(self) -> str:
        low = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        high = f"at most {self.high:g}"
        ends = [text for text, end in ((low, self.low), (high, self.high)) if math.isfinite(end)]
        return " ".join(["a number", " and ".join(ends)]).strip()

    def accepts(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        fits = self.low < value if self.above else self.low <= value
        return fits and value <= self.high and abs(value) < 1e300


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from ``low`` to ``high``."""

    low: int = 0
    high: int = 10**9

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def accepts(self, value: Any) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.low <= value <= self.high


@dataclass(frozen=True)
class Flag(Kind):
    """true or false."""

    expected = "true or false (without quotes)"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Text(Kind):
    """A text; ``pattern``: that matches it as a whole."""

    pattern: str = ""
    what: str = "a text"

    @property
    def expected(self) -> str:
        return self.what

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and (
            not self.pattern or re.fullmatch(self.pattern, value) is not None
        )


@dataclass(frozen=True)
class OneOf(Kind):
    """One of some names."""

    names: tuple[str, ...]
    what: str = "choice"

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.names)}"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.names

    def check(self, place: str, value: Any) -> None:
        if isinstance(value, str) and value not in self.names:
            raise DeclarationError(f"{place}: {nearest(self.what, value[:60], self.names)}")
        super().check(place, value)


@dataclass(frozen=True)
class Maybe(Kind):
    """A value, or null."""

    of: Kind

    @property
    def expected(self) -> str:
        return f"{self.of.expected}, or null"

    def accepts(self, value: Any) -> bool:
        return value is None or self.of.accepts(value)

    def check(self, place: str, value: Any) -> None:
        if value is not None:
            self.of.check(place, value)


@dataclass(frozen=True)
class Many(Kind):
    """A list of values; ``rising``: each larger than the one before; ``growing``: or equal."""

    of: Kind
    least: int = 0
    most: int = 10_000
    rising: bool = False
    growing: bool = False

    @property
    def expected(self) -> str:
        count = f"at least {self.least} " if self.least else ""
        count = f"{self.least} " if self.least == self.most else count
        order = " that increase" if self.rising else " in order" if self.growing else ""
        return f"a list of {count}values{order}, each {self.of.expected}"

    def check(self, place: str, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            for i, item in enumerate(value[: self.most]):
                self.of.check(f"{place}[{i}]", item)
        super().check(place, value)

    def accepts(self, value: Any) -> bool:
        if not isinstance(value, (list, tuple)) or not self.least <= len(value) <= self.most:
            return False
        if not all(self.of.accepts(item) for item in value):
            return False
        pairs = list(pairwise(value))
        return not (self.rising and any(a >= b for a, b in pairs)) and not (
            self.growing and any(a > b for a, b in pairs)
        )


@dataclass(frozen=True)
class Fields(Container):
    """A mapping with these fields.

    Attributes:
        of: field -> what its value may be.
        what: a field, for messages ("recipe field").
        required: fields that must be there.
    """

    of: Mapping[str, Kind]
    what: str = "field"
    required: tuple[str, ...] = ()

    expected = "a mapping of fields"

    def check(self, place: str, value: Any) -> None:
        check_fields(place, value, self.of, self.what)
        for key in self.required:
            if key not in value:
                raise DeclarationError(f"{place}: the key {key!r} is missing")


@dataclass(frozen=True)
class Anything(Kind):
    """Any value: another check looks at it."""

    expected = "any value"

    def accepts(self, value: Any) -> bool:
        return True


@dataclass(frozen=True)
class Entries(Container):
    """A mapping from names to values of one kind.

    Attributes:
        of: what the values may be.
        names: the names that there are; None: any.
        what: a name, for messages.
        key: what a name may be.
    """

    of: Kind
    names: tuple[str, ...] | None = None
    what: str = "key"
    key: Kind = Text()

    expected = "a mapping"

    def check(self, place: str, value: Any) -> None:
        check_keys(place, value, value if self.names is None else self.names, self.what)
        for name in value:
            self.key.check(f"{place_of(place, value, name)}: the {self.what} {name!s:.60}", name)
        check_fields(place, value, dict.fromkeys(value, self.of))


def check_fields(where: str, values: Any, known: Mapping[str, Kind], what: str = "field") -> None:
    """Refuses a mapping with an unknown field or a value that is not of its kind.

    Args:
        where: file, table and cell, for messages; a key of a declaration says its own line.
        values: the mapping.
        known: field -> kind.
        what: a field, for messages.

    Raises:
        DeclarationError: says place, field, what was expected and what was found.
    """
    check_keys(where, values, known, what)
    for key, value in values.items():
        known[key].check(f"{place_of(where, values, key)}: {key}", value)
