"""Do the pages lead anywhere?  Links, names and pictures exist, and every method has its page."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from mixlib.catalog.describe import pages
from mixlib.catalog.methods import METHODS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FAMILIES = sorted((DOCS / "methods").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAME = re.compile(r"`((?:mixlib|theory)(?:\.[A-Za-z_]\w*)+)")
COMMAND = re.compile(r"python -m paper_tables\.gallery (docs/\S+) --methods (\S+)")
LARGEST = 150_000  # bytes of a picture


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def relative_links(path: Path) -> list[str]:
    found = [link.partition("#")[0] for link in LINK.findall(prose(path))]
    return [link for link in found if link and not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(path):
    broken = [link for link in relative_links(path) if not (path.parent / link).exists()]
    assert not broken, f"{named(path)}: no such file: {', '.join(broken)}"


def test_every_page_is_reached_from_the_index():
    index = DOCS / "README.md"
    reached, open_pages = set(), [index]
    while open_pages:
        path = open_pages.pop()
        reached.add(path)
        near = {(path.parent / link).resolve() for link in relative_links(path)}
        open_pages += [p for p in near if p.suffix == ".md" and p not in reached]
    lost = [named(path) for path in DOCS.rglob("*.md") if path not in reached]
    assert not lost, f"no way from docs/README.md to {', '.join(lost)}"


def test_no_method_is_on_two_pages():
    rows = Counter(word for path in FAMILIES for word in pages([path]))
    unknown = set(rows) - set(METHODS)
    assert not unknown, f"rows for what is no method: {', '.join(sorted(unknown))}"
    assert set(rows.values()) == {1}, f"on several pages: {rows.most_common(3)}"


@pytest.mark.parametrize("path", FAMILIES, ids=named)
def test_every_row_says_the_catalog_s_status(path):
    for word in pages([path]):
        (row,) = re.findall(rf"^\| `{word}` \|.*$", path.read_text(), re.MULTILINE)
        said = row.rstrip(" |").rpartition("|")[2]
        assert METHODS[word].status in said, f"{word} is {METHODS[word].status}: {row}"


@pytest.mark.parametrize("path", [*FAMILIES, DOCS / "theory.md"], ids=named)
def test_every_name_in_backticks_exists(path):
    for name in set(NAME.findall(path.read_text())):
        assert found(name), f"{named(path)}: no {name}"
    for test in set(re.findall(r"`(tests/[\w./]+)`", path.read_text())):
        assert (ROOT / test).exists(), f"{named(path)}: no {test}"


BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def undefined(source: str) -> set[str]:
    """Names that a block of Python reads and neither defines nor imports."""
    known, read = set(dir(builtins)), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (known if isinstance(node.ctx, ast.Store) else read).add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            known.add(node.name)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
    return read - known


WHOLE = [
    (path, number, source)
    for path in PAGES
    for number, source in enumerate(BLOCK.findall(path.read_text()))
    if not undefined(source)
]


@pytest.mark.parametrize(
    ("path", "source"), [(p, s) for p, _, s in WHOLE], ids=[f"{named(p)}-{n}" for p, n, _ in WHOLE]
)
def test_every_whole_block_of_python_runs(path, source, tmp_path, monkeypatch):
    """Parts of a loop, which begin with somebody's ``model``, are read by people only."""
    monkeypatch.chdir(tmp_path)
    exec(compile(source, named(path), "exec"), {"__name__": "page"})


def found(name: str) -> bool:
    """Is this dotted name a module, or an attribute of one?"""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            at = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if not hasattr(at, part):
                return False
            at = getattr(at, part)
        return True
    return False


def test_every_picture_of_methods_is_small_and_has_its_command():
    commands = [pair for path in FAMILIES for pair in COMMAND.findall(path.read_text())]
    drawn = {path for path, _ in commands}
    there = {named(path) for path in (DOCS / "images").glob("methods_*.png")}
    assert drawn == there
    assert len(commands) == len(drawn)
    for _, words in commands:
        assert set(words.split(",")) <= set(METHODS), words
    for path in (DOCS / "images").iterdir():
        assert path.stat().st_size <= LARGEST, f"{named(path)}: {path.stat().st_size} bytes"


def test_the_checks_notice():
    assert LINK.findall("[a](b.md) ![c](d.png)") == ["b.md", "d.png"]
    assert found("mixlib.methods.cutmix.Box")
    assert not found("mixlib.catalog.methods.Bax")
    assert not found("mixlib.nothing")
