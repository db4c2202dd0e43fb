"""Examples in docstrings run, and what a user builds has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import sys
from pathlib import Path

import pytest

from mixlib.catalog import api
from mixlib.catalog.methods import METHODS
from mixlib.core.method import resolve

ROOT = Path(__file__).parents[1]
PACKAGES = ("mixlib", "theory", "downstream", "pipelines", "paper_tables", "benchmarks")
SOURCES = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text() and "notebooks" not in path.parts
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_examples_run(path):
    module = importlib.import_module(module_name(path))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0, "see the captured output for what was expected and found"


@pytest.mark.parametrize("name", METHODS)
def test_every_constructor_of_a_method_has_an_example(name):
    row = METHODS[name]
    for path in [row.path()] + ([] if row.rule is None else [row.path(row.rule)]):
        text = inspect.getdoc(resolve(path)) or ""
        assert "Example:" in text, f"{path}: write an `Example:` of one call into its docstring"


def public_names() -> list[tuple[str, str]]:
    """(module, name) of every public class and function, as docs/api.md lists them."""
    return [
        (module, name)
        for module in api.PACKAGES
        for name in importlib.import_module(module).__all__
        if inspect.isclass(found := getattr(importlib.import_module(module), name))
        or inspect.isfunction(found)
    ]


@pytest.mark.parametrize(("module", "name"), public_names())
def test_every_public_name_has_an_example(module, name):
    found = getattr(importlib.import_module(module), name)
    opening = inspect.getdoc(sys.modules[found.__module__]) or ""
    # a module may open with the example of its one function
    assert ">>>" in (inspect.getdoc(found) or "") or f"{name}(" in opening.partition("Example:")[2]
