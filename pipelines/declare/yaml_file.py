"""Declarations in YAML: every key knows its file and line, and no key is given twice."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.declare.errors import DeclarationError, check_keys
from pipelines.declare.mapping import Declared

DEEPEST = 20
"""Levels of lists and mappings inside each other that a declaration may have."""
LARGEST = 1_000_000
"""Bytes that a declaration may have."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's floats (5e-4 is a number), places and unique keys."""

    path = ""
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # PyYAML takes minutes over some thousand open brackets: the text is read as it is composed
        self.depth += 1
        if self.depth > DEEPEST:
            raise DeclarationError(f"{self.path}: expected at most {DEEPEST} levels, found more")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise DeclarationError(f"{self.path}:{line}: expected a name as key, found {key!r}")
            if key in seen:
                raise DeclarationError(
                    f"{self.path}:{line}: the key {key!r} is already given in line {seen[key]}"
                )
            seen[key] = line
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_map(self, node: yaml.MappingNode) -> Any:
        data = Declared({})
        yield data
        values = self.construct_mapping(node)
        data.update(values)
        # after the call above, which puts the keys of merged mappings (<<) in place
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            data.origins[key] = f"{self.path}:{key_node.start_mark.line + 1}"


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_yaml(path: Path, known: tuple[str, ...], required: tuple[str, ...]) -> Declared:
    """The mapping that a file holds.

    Args:
        path: the file.
        known, required: its keys.

    Raises:
        DeclarationError: not UTF-8, not YAML, too large or too deep, a key twice, not a mapping, or
            an unknown or missing key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{path}: expected UTF-8 text, found {error}") from None
    if len(text) > LARGEST:
        raise DeclarationError(f"{path}: expected at most {LARGEST:,} bytes, found {len(text):,}")
    try:
        loader = _Loader(text)
        loader.path = str(path)
        body = loader.get_single_data()
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except DeclarationError:
        raise
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        # a date of month 13, an int of an impossible base: PyYAML's own conversions
        raise DeclarationError(f"{path}: a value that cannot be read: {error}") from None
    except RecursionError:
        raise DeclarationError(f"{path}: expected at most {DEEPEST} levels, found more") from None
    _check_depth(str(path), body, DEEPEST, [0])
    if not isinstance(body, Declared):
        raise DeclarationError(f"{path}: expected a mapping of keys, found {str(body)[:60]!r}")
    check_keys(str(path), body, known)
    for key in required:
        if key not in body:
            raise DeclarationError(f"{path}: the key {key!r} is missing")
    return body


def _check_depth(path: str, value: Any, left: int, count: list[int]) -> None:
    """Refuses what is nested too deeply, or too large once its aliases are written out."""
    count[0] += 1
    if left < 0 or count[0] > LARGEST:
        raise DeclarationError(
            f"{path}: expected at most {DEEPEST} levels and {LARGEST:,} values, found more (an "
            "alias that holds itself?)"
        )
    if isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            _check_depth(path, item, left - 1, count)
